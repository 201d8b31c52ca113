// A visit that nobody drives: fetches its task, reports when the first score was there, runs the workload, and comes back
// for a second visit, with the caches that the first one has filled.
import './page.js';

const report = (name, value) => fetch(`/report/${name}`, { method: 'POST', body: JSON.stringify(value) });

/** Until what the first visit writes, and the browser writes after it, is written. */
const BETWEEN_MS = 3000;

const visit = location.hash === '#again' ? 'second visit' : 'first score';
try {
  const { engine, pair, pairs } = await (await fetch('/task')).json();
  await bench.start(engine, pair);
  // The page's clock starts with its navigation.
  await report(visit, { ms: performance.now() });
  if (visit === 'first score') {
    await bench.run(engine.name, pairs, 1);
    await report('workload', {});
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
    location.hash = 'again';
    location.reload();
  }
} catch (error) {
  for (const name of ['first score', 'workload', 'second visit'])
    await report(name, { error: String(error) });
}
