// Stands in for pkg/dist/wasm/crossrank_webgpu.js: fake-wasm.js on a GPU that fails when it is told to. `fakeGpu` comes
// from gpu-setup.js. A document '!gpu:KIND' makes the batch that holds it fail in that way; the CPU scores it.

import init, { Job, Session, ModelLoader as TheLoader } from '/tests/support/fake-wasm.js';

export default init;

const fake = () => globalThis.fakeGpu ?? {};
let opened = false;

export async function openDevice() {
  if (fake().open === 'hang') await new Promise(() => {});
  if (fake().open === 'refused') throw { code: 'UNSUPPORTED', message: 'no device' };
  opened = true;
}

export const deviceError = () => (fake().told ? 'it told so' : undefined);

export async function knownAnswers() {
  if (!opened) throw new Error('knownAnswers before openDevice');
  if (fake().answers === 'none') return [];
  const wrong = fake().answers === 'wrong';
  return [
    { kernel: 'norm', error: 1e-6, tolerance: 1e-4, ok: true },
    { kernel: 'linear', error: wrong ? 0.5 : 0, tolerance: 1e-4, ok: !wrong },
  ];
}

export class ModelLoader extends TheLoader {
  finish() {
    return super.finish(GpuSession);
  }
}

class GpuSession extends Session {
  #expected;
  useCanaries(expected) {
    this.#expected = expected;
  }
  begin(pairs) {
    if (this.#expected?.[1] !== -3) throw new Error('begin before useCanaries');
    return new GpuJob(pairs, this.add);
  }
}

const failures = {
  lost: () => {
    throw { code: 'WORKER_LOST', message: 'the device was destroyed' };
  },
  untrusted: () => {
    throw { code: 'GPU_UNTRUSTED', message: 'canary B is 0' };
  },
  nan: () => {
    throw { code: 'NON_FINITE', message: 'logit 0 is not finite' };
  },
  trap: () => {
    throw new WebAssembly.RuntimeError('unreachable');
  },
  hang: () => new Promise(() => {}),
};

class GpuJob extends Job {
  gpu = true;
  #flat;
  constructor(flat, add) {
    super(flat, add);
    this.#flat = flat;
  }
  /** One batch is the whole job. */
  async step() {
    for (const text of this.#flat) await failures[text.match(/^!gpu:(\w+)/)?.[1]]?.();
    await new Promise((resolve) => setTimeout(resolve, fake().gpuStepMs ?? 0));
    let scored = 0;
    while (scored < this.pairs) scored = await super.step();
    return scored;
  }
}
