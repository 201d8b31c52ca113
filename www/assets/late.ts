// Writes into the cache that wait until the model is ready. A write takes as much of the processor as the download that
// it follows, and a reader waits for the first score, not for the cache. On a slow line, where the processor is idle
// and a reader may leave in mid-download, a file waits for a moment only.

import { LATE_WRITE_MS, MAX_LATE_BYTES } from '../limits.js';
import type { ModelCache } from './cache.js';
import { type Bytes, release } from './streams.js';

/** What this page is still writing, of all its models. None of them rejects. */
const pending = new Set<Promise<unknown>>();

/** Resolves when all is written that this page has to write. */
export async function writesEnded(): Promise<void> {
  while (pending.size > 0) await Promise.all(pending);
}

/** Has `writesEnded` wait for this, too. It must not reject. */
export function whileWriting<T>(work: Promise<T>): Promise<T> {
  pending.add(work);
  void work.then(() => pending.delete(work));
  return work;
}

/** The writes of one delivery. */
export class LateWrites {
  readonly #cache: ModelCache;
  readonly #begun: Promise<void>;
  #begin!: () => void;
  #last: Promise<boolean> = Promise.resolve(true);
  /** Files that are not written yet, and where their bytes are now. */
  readonly #files = new Map<Bytes, { bytes: Bytes }>();
  #waitingBytes = 0;

  constructor(cache: ModelCache) {
    this.#cache = cache;
    this.#begun = new Promise((resolve) => {
      this.#begin = resolve;
    });
  }

  /** Whatever waits need wait no longer. */
  begin(): void {
    this.#begin();
  }

  /**
   * Stores a file some time. Resolves with whether it is stored; false without a try after one could not be, because the
   * next will not fit either. The bytes must stay as they are until it has resolved, or `copy` was called.
   */
  async write(key: string, bytes: Bytes): Promise<boolean> {
    const { byteLength } = bytes;
    const file = { bytes };
    this.#files.set(bytes, file);
    this.#waitingBytes += byteLength;
    if (this.#waitingBytes <= MAX_LATE_BYTES) await this.#pause();
    // One after the other, because a write copies what it is given.
    this.#last = this.#last.then((stored) => {
      const written = stored && this.#cache.write(key, file.bytes);
      if (file.bytes !== bytes) release(file.bytes);
      this.#files.delete(bytes);
      this.#waitingBytes -= byteLength;
      return written;
    });
    return await this.#last;
  }

  /** Says that the bytes of a file will be transferred or changed now. */
  copy(bytes: Bytes): void {
    const file = this.#files.get(bytes);
    if (file !== undefined) file.bytes = bytes.slice();
  }

  async #pause(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const moment = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LATE_WRITE_MS);
    });
    await Promise.race([this.#begun, moment]);
    clearTimeout(timer);
  }
}
