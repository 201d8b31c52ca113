// What only a fresh browser shows: time from navigation to the first score, the code that was fetched for it, the
// renderer's peak memory after a workload, and the first score of the visit after that. A new profile for each sample, so
// nothing is cached or compiled before the first visit.
import { withPlainBrowser } from './plain.mjs';
import { rendererPeak } from './proc.mjs';
import { firstLine } from './throughput.mjs';

/**
 * Takes `samples` of each task, { engine, workload }, in turns, so that what else the machine does meets all of them.
 * Gives a row for each: { engine, ms: [..], againMs: [..], peakMiB: [..], privateMiB: [..], code: [file names], error }.
 */
export async function measureCold({ server, tasks, samples, say }) {
  const rows = tasks.map(({ engine }) => {
    return { engine: engine.name, ms: [], againMs: [], peakMiB: [], privateMiB: [] };
  });
  for (let sample = 1; sample <= samples; sample += 1) {
    for (const [i, task] of tasks.entries()) {
      if (rows[i].error === undefined) await addSample(rows[i], server, task, say);
    }
  }
  return rows;
}

async function addSample(row, server, { engine, workload }, say) {
  try {
    server.log.length = 0;
    const { ms, againMs, peak, code } = await once(server, engine, workload);
    row.ms.push(ms);
    row.againMs.push(againMs);
    row.code = code;
    if (peak !== undefined) {
      row.peakMiB.push(peak.residentMiB);
      row.privateMiB.push(peak.privateMiB);
    }
    say(
      `${engine.name}, cold: first score after ${ms.toFixed(0)} ms, on a second visit ${againMs.toFixed(0)}`,
    );
  } catch (failure) {
    row.error = firstLine(failure);
    say(`${engine.name}, cold, failed: ${row.error}`);
  }
}

async function once(server, engine, workload) {
  server.reports.task = { engine, pair: workload.pairs[0], pairs: workload.pairs };
  return await withPlainBrowser(
    server.reports,
    `${server.origin}/benches/page/cold.html`,
    async ({ pid, reported }) => {
      const { ms } = check(await reported('first score'));
      check(await reported('workload'));
      const [peak, code] = [rendererPeak(pid), codeFiles(server.log)];
      const { ms: againMs } = check(await reported('second visit'));
      return { ms, againMs, peak, code };
    },
  );
}

function check(report) {
  if (report.error !== undefined) throw new Error(report.error);
  return report;
}

/** The renderer's peak of a page with nothing in it: what the browser itself takes. */
export function emptyPagePeak(server) {
  return withPlainBrowser(
    server.reports,
    `${server.origin}/benches/page/empty.html`,
    async ({ pid, reported }) => {
      await reported('empty');
      return rendererPeak(pid);
    },
  );
}

/** Scripts and wasm among the files that were asked for, less the bench's own. */
function codeFiles(log) {
  const asked = log.filter(({ url }) => /\.(js|mjs|wasm)$/.test(url) && !url.startsWith('/benches/'));
  return [...new Set(asked.map(({ file }) => file))];
}
