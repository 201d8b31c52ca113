// Stands in for pkg/dist/wasm/crossrank_cpu.js where a test needs a fault that the real engine does not have, or a
// batch that lasts until the test says so. One batch is one pair; the score of a pair is the length of its document.
// The query, or a document that begins with '!', says what happens: 'hold' never ends, 'trap' breaks the instance,
// 'stray' throws outside of the call, 'nan' fails the call, 'slow' takes 30 ms a batch. A config with `add` is another
// version of the model: so much is added to each score. `positions` is its limit of tokens. gpu-setup.js may ask for `cpuStepMs` a batch.

export default async function init({ module_or_path: module }) {
  if (!(module instanceof WebAssembly.Module)) throw new Error('expected a compiled module');
}

const live = { jobs: 0 };

export class ModelLoader {
  #bytes = 0;
  #config;
  constructor(config) {
    const text = new TextDecoder().decode(config);
    if (text.includes('"trap"')) throw new WebAssembly.RuntimeError('unreachable');
    if (text.includes('"invalid"')) throw { code: 'MODEL_INVALID', message: 'config.json: invalid' };
    this.#config = { add: 0, positions: 512, ...JSON.parse(text) };
  }
  push(bytes) {
    this.#bytes += bytes.byteLength;
  }
  finish(Kind = Session) {
    return new Kind(this.#bytes, this.#config);
  }
  free() {}
}

export class Session {
  constructor(bytes, { add, positions }) {
    this.add = add;
    this.memory_bytes = bytes;
    this.max_length = positions;
    this.default_activation = 'identity';
  }
  begin(pairs) {
    return new Job(pairs, this.add);
  }
  async canaries() {
    return Float32Array.of(1, -3);
  }
  free() {}
}

export class Job {
  #scores = [];
  #pairs = [];
  #add;
  constructor(flat, add) {
    this.#add = add;
    for (let i = 0; i < flat.length; i += 2) this.#pairs.push([flat[i], flat[i + 1]]);
    live.jobs += 1;
  }
  get pairs() {
    return this.#pairs.length;
  }
  get batches() {
    return this.#pairs.length;
  }
  get tokens() {
    return 3 * this.#pairs.length;
  }
  /** How many jobs are alive, this one included: a test sees a leak here. */
  get truncated() {
    return live.jobs;
  }
  async step() {
    const [query, document] = this.#pairs[this.#scores.length];
    const what = document.startsWith('!') ? document.slice(1) : query;
    if (what === 'hold') await new Promise(() => {});
    const stepMs = globalThis.fakeGpu?.cpuStepMs ?? 0;
    if (stepMs > 0 && !this.gpu) await new Promise((resolve) => setTimeout(resolve, stepMs));
    if (what === 'slow') await new Promise((resolve) => setTimeout(resolve, 30));
    if (what === 'trap') throw new WebAssembly.RuntimeError('unreachable');
    if (what === 'nan') throw { code: 'NON_FINITE', message: 'logit 0 is not finite' };
    if (what === 'stray') {
      queueMicrotask(() => {
        throw new WebAssembly.RuntimeError('unreachable');
      });
      await new Promise(() => {});
    }
    return this.#scores.push(document.length + this.#add);
  }
  scores() {
    return Float32Array.from(this.#scores);
  }
  order(_activation, topK) {
    const order = this.#scores.map((_, i) => i).sort((a, b) => this.#scores[b] - this.#scores[a] || a - b);
    return Uint32Array.from(topK > 0 ? order.slice(0, topK) : order);
  }
  free() {
    live.jobs -= 1;
  }
}
