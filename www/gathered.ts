// The outcome of one call, put together from what its workers send: scores in input order, counts and times.

import { UNSCORED } from './order.js';
import type { DeviceKind, Part, Results } from './protocol.js';

export class Gathered {
  /** One a pair, in input order; NaN as long as there is none. */
  readonly scores: Float32Array<ArrayBuffer>;
  scored = 0;
  tokens = 0;
  truncated = 0;
  batches = 0;
  /** Of the worker that took longest. */
  tokenizeMs = 0;
  scoreMs = 0;
  /** Workers that the pairs were shared out to. */
  workers = 0;

  readonly device: DeviceKind;

  constructor(pairs: number, device: DeviceKind = 'cpu') {
    this.device = device;
    this.scores = new Float32Array(pairs).fill(UNSCORED);
  }

  /** Puts the scores of a part in their places. */
  add(places: readonly number[], part: Part): void {
    for (const [i, place] of places.entries()) this.scores[place] = part.scores[i] ?? UNSCORED;
    this.scored += places.length;
    this.tokens += part.tokens;
    this.truncated += part.truncated;
    this.batches += part.batches;
  }

  took({ tokenizeMs, scoreMs }: Results['run']): void {
    this.tokenizeMs = Math.max(this.tokenizeMs, tokenizeMs);
    this.scoreMs = Math.max(this.scoreMs, scoreMs);
  }
}
