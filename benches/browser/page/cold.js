// A cold start that nobody drives: fetches its task, reports when the first score was there, then runs the workload.
import './page.js';

const report = (name, value) => fetch(`/report/${name}`, { method: 'POST', body: JSON.stringify(value) });

try {
  const { engine, pair, pairs } = await (await fetch('/task')).json();
  await bench.start(engine, pair);
  // The page's clock starts with its navigation.
  await report('first score', { ms: performance.now() });
  await bench.run(engine.name, pairs, 1);
  await report('workload', {});
} catch (error) {
  await report('first score', { error: String(error) });
  await report('workload', { error: String(error) });
}
