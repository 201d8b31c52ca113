// What is asked of the GPU beside computing: a device, proof that its kernels give the right answers, and an answer in
// time. Whatever fails ends the worker, because nobody knows what else is wrong. Runs inside the worker.

import { EngineBroken } from './broken.js';
import { within } from './deadline.js';
import { CrossrankError, describe, isWireError } from './errors.js';
import type { Glue, GpuGlue, Job } from './glue.js';
import { GPU_START_MS, READBACK_MS } from './limits.js';

/** How long a batch may take: the larger of the two. */
export interface Patience {
  readonly leastMs: number;
  /** Times what its tokens took at best. */
  readonly times: number;
}

export const PATIENCE: Patience = { leastMs: READBACK_MS, times: 20 };

export class Gpu {
  readonly #glue: GpuGlue;
  readonly #patience: Patience;
  #batches = 0;
  /** Milliseconds a token of the fastest batch, but for the first, in which pipelines are compiled. */
  #best = Number.POSITIVE_INFINITY;

  private constructor(glue: GpuGlue, patience: Patience) {
    this.#glue = glue;
    this.#patience = patience;
  }

  /** Opens the device. Like all here, it rejects with what ends the worker. */
  static async open(glue: Glue, patience: Patience): Promise<Gpu> {
    const gpu = new Gpu(glue as GpuGlue, patience);
    await gpu.#start('openDevice', () => gpu.#glue.openDevice());
    return gpu;
  }

  /** Tests the kernels of a model: for heads of `head` values, which are part of a kernel's text. */
  async prove(head: number | undefined, int4Words: boolean): Promise<void> {
    const answers = await this.#start('knownAnswers', () => this.#glue.knownAnswers(head, int4Words));
    const wrong = answers.filter(({ ok }) => !ok);
    if (answers.length === 0 || wrong.length > 0) {
      const which = wrong.map(({ kernel, error }) => `${kernel}: off by ${error}`).join(', ');
      throw new EngineBroken(untrusted(`its known-answer tests failed (${which || 'there were none'})`));
    }
  }

  /** One batch, with an end. Gives the number of pairs scored so far; `before` is what it gave before. */
  async step(job: Job, before: number): Promise<number> {
    const begun = performance.now();
    const { leastMs, times } = this.#patience;
    const most = Number.isFinite(this.#best) ? times * this.#best * job.tokens : GPU_START_MS;
    const ms = Math.max(leastMs, most);
    const scored = await this.#guard(
      within(job.step(), ms, () => untrusted(`no answer in ${Math.ceil(ms)} ms`)),
    );
    const tokens = (job.tokens * (scored - before)) / job.pairs;
    this.#batches += 1;
    if (this.#batches > 1) this.#best = Math.min(this.#best, (performance.now() - begun) / tokens);
    return scored;
  }

  async #start<T>(what: string, work: () => Promise<T>): Promise<T> {
    return await this.#guard(
      within(work(), GPU_START_MS, () => untrusted(`no answer to ${what} in ${GPU_START_MS} ms`)),
    );
  }

  /** What is no longer an answer is a break, of the kind that the page is to remember or of the kind that may pass. */
  async #guard<T>(promise: Promise<T>): Promise<T> {
    try {
      return await promise;
    } catch (error) {
      throw new EngineBroken(this.#judge(error));
    }
  }

  #judge(error: unknown): CrossrankError {
    if (error instanceof CrossrankError) return error;
    const told = this.#deviceError();
    if (isWireError(error)) {
      if (error.code === 'UNSUPPORTED') return new CrossrankError('UNSUPPORTED', error.message);
      if (error.code === 'GPU_UNTRUSTED' || error.code === 'NON_FINITE')
        return untrusted(error.message + told);
      return lost(firstLine(error.message) + told);
    }
    return lost(firstLine(describe(error)) + told);
  }

  /** What the device itself has told, if the instance can still say so. */
  #deviceError(): string {
    try {
      const told = this.#glue.deviceError();
      return told === undefined ? '' : `; the device says: ${told}`;
    } catch {
      return '';
    }
  }
}

/** Without the trail of causes that a runtime appends. */
const firstLine = (text: string) => text.split('\n', 1)[0] ?? '';

const untrusted = (what: string) =>
  new CrossrankError(
    'GPU_UNTRUSTED',
    `The GPU cannot be trusted: ${what}. Its driver or the browser has a fault. Use device 'auto' or 'cpu'.`,
  );

const lost = (what: string) =>
  new CrossrankError(
    'WORKER_LOST',
    `The GPU was lost (${what}). Its driver was reset, or its process ended. Calls go on without it.`,
  );
