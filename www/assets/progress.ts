// Turns what happens during a load into LoadProgress events: phases in order, an overall share that never falls.

import type { LoadProgress } from '../options.js';

/** Shares of the whole. They only have to feel right: nearly all time of a first load is the download. */
const SHARE = { download: 0.8, verify: 0.05, compile: 0.1, warmUp: 0.05 } as const;

/** Stands for the bytes still to come as long as no length is known. */
const GUESS_BYTES = 64 * 1024 * 1024;

export class ProgressMeter {
  readonly #listener: ((event: LoadProgress) => void) | undefined;
  #total: number | null = null;
  #here = 0;
  #verified = 0;
  #compiled = 0;
  #fetching = false;
  #last: LoadProgress = { phase: 'verify', loaded: 0, total: null, progress: 0 };

  constructor(listener: ((event: LoadProgress) => void) | undefined) {
    this.#listener = listener;
  }

  /** The bytes of the whole model, once they are known. */
  expect(total: number | null): void {
    this.#total = total;
  }

  /** Bytes that arrived from the network; negative when a try is thrown away. */
  downloaded(bytes: number): void {
    this.#fetching = true;
    this.#here += bytes;
    if (bytes > 0) this.#emitBytes();
  }

  /** Bytes that came out of the cache. */
  cached(bytes: number): void {
    this.#here += bytes;
  }

  /** Bytes that proved right. */
  verified(bytes: number): void {
    this.#verified += bytes;
    this.#emitBytes();
  }

  /** Bytes that the engine has taken. */
  compiled(bytes: number): void {
    this.#compiled += bytes;
    if (this.#verified >= (this.#total ?? Number.POSITIVE_INFINITY)) this.#emit('compile', this.#compiled);
  }

  warmUp(): void {
    this.#emit('warm-up', 0);
  }

  done(): void {
    this.#emit('warm-up', this.#total ?? this.#here, 1);
  }

  #emitBytes(): void {
    const missing = this.#total === null || this.#here < this.#total;
    if (this.#fetching && missing) this.#emit('download', this.#here);
    else this.#emit('verify', this.#verified);
  }

  #emit(phase: LoadProgress['phase'], bytes: number, progress = this.#share(phase)): void {
    const last = this.#last;
    const loaded = phase === last.phase ? Math.max(bytes, last.loaded) : bytes;
    // A length that the server announced may be wrong; what has arrived is not.
    const total = this.#total === null ? null : Math.max(this.#total, loaded);
    this.#last = Object.freeze({ phase, loaded, total, progress: Math.max(progress, last.progress) });
    try {
      this.#listener?.(this.#last);
    } catch (error) {
      // The listener's own failure is the page's to see, but no reason to fail the load.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #share(phase: LoadProgress['phase']): number {
    const total = Math.max(this.#total ?? this.#here + GUESS_BYTES, this.#here, 1);
    const { download, verify, compile } = SHARE;
    const most = download + verify + compile;
    if (phase === 'warm-up') return most;
    return Math.min(
      (download * this.#here + verify * this.#verified + compile * this.#compiled) / total,
      most,
    );
  }
}
