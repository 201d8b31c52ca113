// What only a fresh browser shows: time from navigation to the first score, the code that was fetched for it, and the
// renderer's peak memory after a workload. A new profile for each sample, so nothing is cached or compiled already.
import { evaluate, withBrowser } from './chromium.mjs';
import { rendererPeakMiB } from './proc.mjs';
import { firstLine } from './throughput.mjs';

/** { engine, ms: [..], peakMiB: [..], code: [file names], error }. */
export async function measureCold({ server, engine, workload, samples, say }) {
  const row = { engine: engine.name, ms: [], peakMiB: [] };
  try {
    for (let sample = 1; sample <= samples; sample += 1) {
      server.log.length = 0;
      const { ms, peakMiB } = await once(server.origin, engine, workload);
      row.ms.push(ms);
      if (peakMiB !== undefined) row.peakMiB.push(peakMiB);
      say(`${engine.name}, cold: first score after ${ms.toFixed(0)} ms`);
    }
    row.code = codeFiles(server.log);
  } catch (failure) {
    row.error = firstLine(failure);
    say(`${engine.name}, cold, failed: ${row.error}`);
  }
  return row;
}

function once(origin, engine, workload) {
  return withBrowser(async ({ page, pid }) => {
    const cold = encodeURIComponent(JSON.stringify({ engine, pair: workload.pairs[0] }));
    await page.goto(`${origin}/benches/page/page.html?cold=${cold}`);
    await page.waitForFunction(() => globalThis.firstScore !== undefined);
    const { ms, error } = await evaluate(page, () => globalThis.firstScore);
    if (error !== undefined) throw new Error(error);
    await evaluate(page, ([name, pairs]) => globalThis.bench.run(name, pairs, 1), [
      engine.name,
      workload.pairs,
    ]);
    return { ms, peakMiB: rendererPeakMiB(pid) };
  });
}

/** The renderer's peak of a page with nothing in it: what the browser itself takes. */
export function emptyPagePeakMiB() {
  return withBrowser(async ({ page, pid }) => {
    await page.goto('data:text/html,<title>empty</title>');
    return rendererPeakMiB(pid);
  });
}

/** Scripts and wasm among the files that were asked for, less the bench's own. */
function codeFiles(log) {
  const asked = log.filter(({ url }) => /\.(js|mjs|wasm)$/.test(url) && !url.startsWith('/benches/'));
  return [...new Set(asked.map(({ file }) => file))];
}
