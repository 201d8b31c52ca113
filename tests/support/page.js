// Helpers inside the test page. Tests call them through `page.evaluate`.
import * as crossrank from '/pkg/dist/index.js';
import { gpuCounts, gpuFault, gpuReset } from './gpu-page.js';

/** What a promise came to, as plain data. */
async function outcome(promise) {
  try {
    return { value: await promise };
  } catch (error) {
    const { name, code, message, retryable, cause } = error;
    const ours = error instanceof crossrank.CrossrankError;
    return { error: { name, code, message, retryable, ours, cause: cause && String(cause) } };
  }
}

/** Workers made through `createWorker`, so that a test can kill them. */
const workers = [];

const startWorker = (script) => () => {
  const worker = new Worker(script, { type: 'module' });
  workers.push(worker);
  return worker;
};

const createWorker = startWorker('/pkg/dist/worker.js');
const createSimd128Worker = startWorker('/tests/support/simd128-worker.js');
/** Workers on an adapter of the test's choice; see gpu-setup.js. */
const createGpuWorker = (parameters) =>
  startWorker(`/tests/support/gpu-worker.js?${new URLSearchParams(parameters)}`);

/** Ways in which a worker may end. */
const kills = {
  terminate: (worker) => worker.terminate(),
  error: (worker) => worker.dispatchEvent(new ErrorEvent('error', { message: 'boom' })),
  messageerror: (worker) => worker.dispatchEvent(new MessageEvent('messageerror')),
};

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Loads into `globalThis.reranker`, with the progress kept in `globalThis.events`. Waits until the cache has the model. */
async function load(options = {}) {
  globalThis.events = [];
  const onProgress = (event) => globalThis.events.push({ ...event });
  globalThis.reranker = await crossrank.Reranker.load({ onProgress, ...options });
  globalThis.changes = [];
  reranker.addEventListener('devicechange', ({ from, to, why }) => changes.push({ from, to, why }));
  if (options.cache !== false) await crossrank.Reranker.isCached(options.model);
  return globalThis.reranker.status;
}

Object.assign(globalThis, {
  crossrank,
  outcome,
  load,
  workers,
  createWorker,
  createSimd128Worker,
  createGpuWorker,
  gpuCounts,
  gpuFault,
  gpuReset,
  kills,
  pause,
  ready: true,
});
