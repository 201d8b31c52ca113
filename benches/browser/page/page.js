// In the page: starts engines and runs pairs through them, each engine in a worker of its own. Node calls `start` and
// `run`, or cold.js does.

/** kind -> how to start it. Each gives { run(pairs) -> scores, facts }. */
const starters = {
  client: (options) => startClient('/pkg/dist/index.js', options),
  'bundled-client': (options) => startClient('/bundle/main.js', options),
  async 'gpu-client'(options) {
    const script = new URL('counted-worker.js', import.meta.url);
    const createWorker = () => new Worker(script, { type: 'module' });
    return await startClient('/pkg/dist/index.js', { ...options, createWorker });
  },
  'gpu-peer': (options) => startWorker('counted-peer.js', options),
  'glue-worker': (options) => startWorker('glue-worker.js', options),
  'peer-worker': (options) => startWorker('peer-worker.js', options),
};

async function startClient(module, options) {
  const { Reranker } = await import(module);
  const reranker = await Reranker.load(options);
  return {
    run: async (pairs) => [...(await reranker.predict(pairs, { activation: 'identity' }))],
    facts: () => {
      const { last, memoryBytes } = reranker.status;
      return { workers: last?.workers, wasmBytes: memoryBytes };
    },
  };
}

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
