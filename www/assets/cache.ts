// Keeps model files in the browser's Cache API. Only whole, checked files enter. A browser without a usable cache
// (insecure page, private mode, full disk, storage that does not answer) makes this a no-op: loading works, uncached.

import { within } from '../deadline.js';
import { STORAGE_MS } from '../limits.js';

/** Bump when the meaning of an entry changes; older stores are removed by `clearAll`. */
const PREFIX = 'crossrank-';
const STORE = `${PREFIX}v1`;

/** The key of a file whose hash is known: another version of the file under the same URL has another key. */
export function hashedKey(url: string, sha256: string): string {
  const key = new URL(url);
  key.searchParams.set('crossrank-sha256', sha256);
  return key.href;
}

/** The answer of the browser's storage, or a rejection if it is too long in coming, after a call of `onSilence`. */
export function answered<T>(question: Promise<T>, onSilence: () => void = () => {}): Promise<T> {
  return within(question, STORAGE_MS, () => {
    onSilence();
    return new Error('the storage does not answer');
  });
}

/** The model files of this origin. Reading and writing never throw, and end; a failure is a miss, or `false`. */
export class ModelCache {
  readonly #store: Cache;
  /** Whether the store has left a question without an answer. Then it is asked no more. */
  #silent = false;

  private constructor(store: Cache) {
    this.#store = store;
  }

  /** The store, or null where the browser has none to give. */
  static async open(): Promise<ModelCache | null> {
    try {
      return globalThis.caches === undefined ? null : new ModelCache(await answered(caches.open(STORE)));
    } catch {
      return null;
    }
  }

  async read(key: string): Promise<Response | undefined> {
    try {
      return await this.#ask(() => this.#store.match(key));
    } catch {
      return undefined;
    }
  }

  /** The bytes of what `read` gave. Throws where they cannot be read. */
  bytesOf(kept: Response): Promise<ArrayBuffer> {
    return this.#ask(() => kept.arrayBuffer());
  }

  /**
   * Stores a body. A stream may take as long as it likes, and one that errors leaves no entry. Returns whether it is
   * stored: not when the disk is full.
   */
  async write(key: string, body: BodyInit): Promise<boolean> {
    try {
      const response = new Response(body, { headers: { 'content-type': 'application/octet-stream' } });
      const put = () => this.#store.put(key, response);
      await (body instanceof ReadableStream ? put() : this.#ask(put));
      return true;
    } catch {
      return false;
    }
  }

  async remove(key: string): Promise<void> {
    try {
      await this.#ask(() => this.#store.delete(key));
    } catch {
      // A store that cannot delete cannot be read either.
    }
  }

  /** Removes every entry whose URL, without its query, is one that `belongs` accepts. */
  async removeWhere(belongs: (url: string) => boolean): Promise<void> {
    try {
      for (const request of await this.#ask(() => this.#store.keys())) {
        const url = new URL(request.url);
        if (belongs(url.origin + url.pathname)) await this.#ask(() => this.#store.delete(request));
      }
    } catch {
      // As in `remove`.
    }
  }

  /** Removes the files of a folder, but not of folders in it, except those with these keys. */
  async keepOnly(folder: string, keys: ReadonlySet<string>): Promise<void> {
    try {
      for (const request of await this.#ask(() => this.#store.keys())) {
        const { url } = request;
        const inside = url.startsWith(folder) && !url.slice(folder.length).includes('/');
        if (inside && !keys.has(url)) await this.#ask(() => this.#store.delete(request));
      }
    } catch {
      // As in `remove`.
    }
  }

  /** Removes every store that any version of this library made on this origin. */
  static async clearAll(): Promise<void> {
    try {
      const names = await answered(caches.keys());
      const ours = names.filter((name) => name.startsWith(PREFIX));
      await answered(Promise.all(ours.map((name) => caches.delete(name))));
    } catch {
      // No cache, nothing to clear.
    }
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    if (this.#silent) throw new Error('the storage did not answer before');
    return await answered(question(), () => {
      this.#silent = true;
    });
  }
}

/** Copies a stream into the cache while it is used. The entry appears only when the stream ended well. */
export class CacheCopy {
  #controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  #open = true;
  readonly #stored: Promise<boolean>;

  constructor(cache: ModelCache, key: string) {
    const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => {
        this.#open = false;
      },
    });
    this.#stored = cache.write(key, stream);
  }

  add(chunk: Uint8Array<ArrayBuffer>): void {
    if (this.#open) this.#controller.enqueue(chunk.slice());
  }

  finish(): Promise<boolean> {
    if (this.#open) this.#controller.close();
    this.#open = false;
    return this.#stored;
  }

  /** Errors the copy unless it was finished: the store then drops it. */
  discard(): void {
    if (this.#open) this.#controller.error(new Error('the download did not end'));
    this.#open = false;
  }
}
