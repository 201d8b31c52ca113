// First in, first out, on the page: calls have the workers one after the other. (queue.ts is its like in the worker.)

import { throwIfAborted, withSignal } from './errors.js';

export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `work` when all earlier ones have settled. An abort takes it out of the line; `work` minds its own signal. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#last;
    let leave = () => {};
    const mine = new Promise<void>((resolve) => {
      leave = resolve;
    });
    this.#last = before.then(() => mine);
    try {
      await withSignal(before, signal);
      throwIfAborted(signal);
      return await work();
    } finally {
      leave();
    }
  }
}
