// In the page: starts engines and runs pairs through them, each engine in a worker of its own. Node calls `start` and
// `run`. With `?cold=` in the address it starts one engine by itself and notes when the first score was there.

/** kind -> how to start it. Each gives { run(pairs) -> scores, facts }. */
const starters = {
  async client(options) {
    const { Reranker } = await import('/pkg/dist/index.js');
    const reranker = await Reranker.load(options);
    return {
      run: async (pairs) => [...(await reranker.predict(pairs, { activation: 'identity' }))],
      facts: () => {
        const { last, memoryBytes } = reranker.status;
        return { workers: last?.workers, wasmBytes: memoryBytes };
      },
    };
  },
  async 'gpu-client'(options) {
    const script = new URL('counted-worker.js', import.meta.url);
    return await starters.client({ ...options, createWorker: () => new Worker(script, { type: 'module' }) });
  },
  'gpu-peer': (options) => startWorker('counted-peer.js', options),
  'glue-worker': (options) => startWorker('glue-worker.js', options),
  'peer-worker': (options) => startWorker('peer-worker.js', options),
};

async function startWorker(script, options) {
  const worker = new Worker(new URL(script, import.meta.url), { type: 'module' });
  const ask = (message) =>
    new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) =>
        data.error === undefined ? resolve(data.value) : reject(new Error(data.error));
      worker.onerror = (event) => reject(new Error(event.message || `${script} did not start`));
      worker.postMessage(message);
    });
  const facts = await ask({ start: options });
  return { run: (pairs) => ask({ pairs }), facts: () => facts };
}

const running = new Map();

/** Starts an engine and scores one pair with it. */
async function start({ name, kind, options }, pair) {
  const engine = await starters[kind](options);
  await engine.run([pair]);
  running.set(name, engine);
  return engine.facts();
}

/** Scores `pairs` `repeat` times: wall ms of one run, and the scores of the last. */
async function run(name, pairs, repeat) {
  const engine = running.get(name);
  const begun = performance.now();
  let scores;
  for (let i = 0; i < repeat; i += 1) scores = await engine.run(pairs);
  return { ms: (performance.now() - begun) / repeat, scores, facts: engine.facts() };
}

/** Milliseconds in which all counted workers answer; they have nothing else to do then. */
const COUNT_MS = 500;

/** What all counted workers together asked of the GPU since the last time, and sets it to 0. */
async function counts() {
  const channel = new BroadcastChannel('gpu-count');
  const sum = {};
  channel.onmessage = ({ data }) => {
    for (const [name, count] of Object.entries(data.counts ?? {})) sum[name] = (sum[name] ?? 0) + count;
  };
  channel.postMessage('read');
  await new Promise((resolve) => setTimeout(resolve, COUNT_MS));
  channel.onmessage = null;
  channel.postMessage('reset');
  await new Promise((resolve) => setTimeout(resolve, COUNT_MS));
  channel.close();
  return sum;
}

globalThis.bench = { start, run, counts };

const cold = new URLSearchParams(location.search).get('cold');
if (cold !== null) {
  const { engine, pair } = JSON.parse(cold);
  globalThis.firstScore = start(engine, pair).then(
    // The page's clock starts with its navigation.
    () => ({ ms: performance.now() }),
    (error) => ({ error: String(error) }),
  );
}
