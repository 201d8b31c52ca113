// The snapshot that `reranker.status` gives: its type, and the counters behind it.

import type { Activation } from './options.js';
import type { Results } from './protocol.js';

/** What one call took. */
export interface CallTimings {
  readonly tokenizeMs: number;
  readonly scoreMs: number;
  readonly batches: number;
  readonly pairs: number;
  readonly tokens: number;
  /** Pairs whose text was cut to fit. */
  readonly truncated: number;
}

/** A frozen snapshot; ask again for newer values. */
export interface Status {
  /** `stopped`: the worker was lost, and the next call starts another. */
  readonly state: 'ready' | 'busy' | 'stopped' | 'disposed';
  readonly device: { readonly kind: 'cpu'; readonly why: string };
  readonly model: {
    readonly id: string;
    /** How the weights are stored, as the manifest says; null for a Hugging Face folder. */
    readonly dtype: string | null;
    /** Most tokens of a pair. */
    readonly maxLength: number;
    /** What turns logits into scores when a call does not say. */
    readonly activation: Activation;
    /** Where it came from. */
    readonly source: string;
  };
  readonly workers: number;
  /** Workers started because one was lost. */
  readonly restarts: number;
  /** Whether all model files are in the browser's cache. */
  readonly cached: boolean;
  /** Whether the sha256 of all model files was checked. */
  readonly verified: boolean;
  /** Calls answered; calls that failed are not counted, nor is what they scored. */
  readonly calls: number;
  readonly pairs: number;
  readonly tokens: number;
  /** Pairs whose text was cut to fit. */
  readonly truncated: number;
  /** Messages from the worker that were not understood: 0 unless page and worker are of different versions. */
  readonly ignoredMessages: number;
  readonly bytes: {
    /** Over the network, in the last start. 0 when everything came from the cache. */
    readonly downloaded: number;
    /** All model files together. */
    readonly model: number;
  };
  /** Size of the worker's wasm memory. */
  readonly memoryBytes: number;
  /** The last answered call; null before the first. */
  readonly last: CallTimings | null;
}

/** Sums over the calls of one reranker. */
export class Tally {
  calls = 0;
  pairs = 0;
  tokens = 0;
  truncated = 0;
  memoryBytes = 0;
  last: CallTimings | null = null;

  add(result: Results['run']): void {
    const { tokenizeMs, scoreMs, batches, tokens, truncated } = result;
    const pairs = result.scores.length;
    this.calls += 1;
    this.pairs += pairs;
    this.tokens += tokens;
    this.truncated += truncated;
    this.memoryBytes = result.memoryBytes;
    this.last = Object.freeze({ tokenizeMs, scoreMs, batches, pairs, tokens, truncated });
  }
}
