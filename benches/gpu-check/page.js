// The steps of the check, each of which puts its outcome into one JSON that a reader can copy. A step that fails is an
// outcome, too. `?model=` and `?pairs=` choose another model and fewer pairs (for software adapters).
import { Reranker } from '/pkg/dist/index.js';

const parameters = new URLSearchParams(location.search);
const model = parameters.get('model') ?? '/model/';
const most = Number(parameters.get('pairs') ?? 100);
const TIMED_CALLS = [1, 20, 100].filter((count) => count <= most);
const RUNS = 5;

const result = { crossrank: 1, browser: navigator.userAgent, processors: navigator.hardwareConcurrency };
const element = (id) => document.getElementById(id);

/** Runs a step and keeps what it gives, or how it failed. */
async function step(name, what, work) {
  element('step').textContent = `${what} …`;
  try {
    result[name] = await work();
  } catch (error) {
    result[name] = { error: { code: error?.code ?? null, message: String(error?.message ?? error) } };
  }
  element('result').textContent = JSON.stringify(result, null, 1);
  return result[name];
}

function knownAnswers(head) {
  const worker = new Worker('worker.js', { type: 'module' });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data.error === undefined ? resolve(data.value) : reject(data.error));
    worker.onerror = (event) => reject(new Error(event.message || 'the worker did not start'));
    worker.postMessage({ head });
  }).finally(() => worker.terminate());
}

/** The golden pairs, in lists of one query's. */
async function goldenPairs() {
  const { pairs } = await (await fetch('/golden.json')).json();
  return pairs.slice(0, most);
}

const logits = async (reranker, pairs) =>
  Array.from(
    await reranker.predict(
      pairs.map(({ query, document }) => [query, document]),
      { activation: 'identity' },
    ),
  );

const largest = (a, b) => a.reduce((sofar, value, i) => Math.max(sofar, Math.abs(value - b[i])), 0);

/** The best of some runs, in milliseconds, for calls of several sizes. Refuses to time the CPU for the GPU. */
async function times(reranker, pairs, device) {
  const ms = {};
  for (const count of TIMED_CALLS) {
    const call = Array.from({ length: count }, (_, i) => pairs[i % pairs.length]);
    let best = Number.POSITIVE_INFINITY;
    for (let run = 0; run < RUNS; run += 1) {
      const begun = performance.now();
      await logits(reranker, call);
      best = Math.min(best, performance.now() - begun);
    }
    if (reranker.status.last.device !== device) throw new Error(reranker.status.device.why);
    ms[count] = Number(best.toFixed(1));
  }
  return ms;
}

async function check() {
  const config = await (await fetch(`${model}config.json`)).json();
  await step('knownAnswers', 'Testing the kernels', () =>
    knownAnswers(config.hidden_size / config.num_attention_heads),
  );
  const pairs = await goldenPairs();
  await step('agreement', 'Comparing scores with the CPU', async () => {
    const gpu = await Reranker.load({ model, device: 'webgpu' });
    const cpu = await Reranker.load({ model, device: 'cpu', precision: 'f32' });
    try {
      const [a, b] = [await logits(gpu, pairs), await logits(cpu, pairs)];
      const { device, last } = gpu.status;
      return { pairs: pairs.length, largestDifference: largest(a, b), on: last.device, device };
    } finally {
      await Promise.all([gpu.dispose(), cpu.dispose()]);
    }
  });
  for (const device of ['webgpu', 'cpu']) {
    await step(`${device}Ms`, `Timing the ${device === 'cpu' ? 'CPU' : 'GPU'}`, async () => {
      const reranker = await Reranker.load({ model, device });
      try {
        if (device === 'cpu') await reranker.warmup();
        return await times(reranker, pairs, device);
      } finally {
        await reranker.dispose();
      }
    });
  }
  await step('auto', "Asking what device: 'auto' makes of it", async () => {
    const reranker = await Reranker.load({ model });
    try {
      await reranker.warmup();
      return reranker.status.device;
    } finally {
      await reranker.dispose();
    }
  });
}

element('copy').addEventListener('click', () => {
  void navigator.clipboard.writeText(JSON.stringify(result, null, 1));
});
await check();
element('step').textContent = 'Done.';
element('copy').disabled = false;
document.body.dataset.state = 'done';
