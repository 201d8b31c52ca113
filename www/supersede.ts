// Newer calls that take the place of older ones: at most one call of each key is under way.

import { CrossrankError } from './errors.js';

export class Superseding {
  readonly #latest = new Map<string, AbortController>();

  /** Aborts the call that has this key, and lets this one have it. Returns how to leave. */
  enter(key: string | undefined, call: AbortController): () => void {
    if (key === undefined) return () => {};
    const older = this.#latest.get(key);
    this.#latest.set(key, call);
    older?.abort(
      new CrossrankError('ABORTED', 'superseded: a newer call was made with the same `supersede` key.'),
    );
    return () => {
      if (this.#latest.get(key) === call) this.#latest.delete(key);
    };
  }
}
