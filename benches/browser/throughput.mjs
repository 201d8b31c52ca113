// All engines in one browser, one pass of each in turn, so that whatever else the machine does falls on all alike.
// A row that fails keeps the passes it has and is left out of the rest.
import { evaluate, withBrowser } from './chromium.mjs';
import { cpuSeconds } from './proc.mjs';

/** Returns one row for each engine and workload: { engine, workload, tokens, cpu: [s], wall: [ms], scores, error }. */
export async function measureThroughput({ origin, engines, workloads, names, passes, say }) {
  return await withBrowser(async ({ page, pid, version }) => {
    await page.goto(`${origin}/benches/page/page.html`);
    await page.waitForFunction(() => globalThis.bench !== undefined);
    const rows = await startAll(page, { engines, workloads, names, say });
    for (let pass = 1; pass <= passes; pass += 1) {
      for (const row of inTurn(rows, names, pass)) {
        if (row.error === undefined) await measure(page, pid, row, workloads[row.workload], say);
      }
      say(`pass ${pass} of ${passes} done`);
    }
    return { rows, version };
  });
}

/** All engines of one workload, then of the next; in each pass another engine is first. */
function inTurn(rows, names, pass) {
  return names.flatMap((name) => {
    const mine = rows.filter((row) => row.workload === name);
    return mine.map((_, i) => mine[(i + pass) % mine.length]);
  });
}

async function startAll(page, { engines, workloads, names, say }) {
  const rows = [];
  for (const engine of engines) {
    const mine = engine.workloads.filter((name) => names.includes(name));
    if (mine.length === 0) continue;
    say(`starting ${engine.name}`);
    let error;
    let facts;
    try {
      facts = await evaluate(page, ([e, pair]) => globalThis.bench.start(e, pair), [
        engine,
        workloads.demo20.pairs[0],
      ]);
      // Engines compile hot code better after a while; what is timed is the state after that.
      await score(page, engine.name, workloads[mine[0]].pairs, 1);
    } catch (failure) {
      error = firstLine(failure);
      say(`${engine.name} failed: ${error}`);
    }
    for (const workload of mine) {
      rows.push({
        engine: engine.name,
        workload,
        tokens: workloads[workload].tokens,
        cpu: [],
        wall: [],
        facts,
        error,
      });
    }
  }
  return rows;
}

const score = (page, name, pairs, repeat) =>
  evaluate(page, ([n, p, r]) => globalThis.bench.run(n, p, r), [name, pairs, repeat]);

async function measure(page, pid, row, { pairs, repeat }, say) {
  try {
    const before = cpuSeconds(pid);
    const { ms, scores, facts } = await score(page, row.engine, pairs, repeat);
    const after = cpuSeconds(pid);
    row.wall.push(ms);
    if (before !== undefined) row.cpu.push((after - before) / repeat);
    Object.assign(row, { scores, facts });
    say(`${row.engine}, ${row.workload}: ${ms.toFixed(0)} ms`);
  } catch (failure) {
    row.error = firstLine(failure);
    say(`${row.engine}, ${row.workload} failed: ${row.error}`);
  }
}

/** Playwright's errors carry a call log; the first line is the message. */
export const firstLine = (error) => String(error.message ?? error).split('\n')[0];
