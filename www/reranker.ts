// The public class. Checks what callers pass, sends strings to the host, and puts the caller's own documents back
// beside the scores. Everything else (worker, model files, wasm) is behind ModelHost.

import { ModelCache } from './assets/cache.js';
import { isStored } from './assets/model.js';
import { resolveSource } from './assets/source.js';
import { CrossrankError, throwIfAborted } from './errors.js';
import { ModelHost } from './host.js';
import {
  type LoadOptions,
  type PredictOptions,
  type RankOptions,
  readLoadOptions,
  readPredictOptions,
  readRankOptions,
} from './options.js';
import type { WireActivation } from './protocol.js';
import { spawnWorker } from './spawn.js';
import { type Status, Tally } from './status.js';
import { documentText, type TextDocument, typeName, wellFormed } from './text.js';

/** A document in its place. */
export interface Ranked<T> {
  /** Where it was in the documents that were passed. */
  readonly index: number;
  /** Comparable within one query only. */
  readonly score: number;
  /** The very object that was passed. */
  readonly document: T;
}

/**
 * A cross-encoder that runs in this browser: reads a query and a document together and says how well they fit.
 *
 * @example
 * const reranker = await Reranker.load();
 * const ranked = await reranker.rank('open a file', ['fn open(path: &Path)', 'fn close(self)'], { topK: 1 });
 */
export class Reranker {
  readonly #host: ModelHost;
  readonly #tally = new Tally();
  readonly #maxLength: number;
  readonly #why: string;
  readonly #source: string;

  private constructor(host: ModelHost, source: string, maxLength: number, why: string) {
    this.#host = host;
    this.#source = source;
    this.#maxLength = maxLength;
    this.#why = why;
  }

  /**
   * Starts a worker and loads a model into it. Files are checked and kept in the browser's cache, so that a second
   * load needs no request for them. A kept manifest is not asked for again: publish a new version of a model under a
   * new folder or revision, or call `clearCache` to fetch it anew.
   */
  static async load(options?: LoadOptions): Promise<Reranker> {
    const o = readLoadOptions(options);
    const source = resolveSource(o.model, pageUrl());
    throwIfAborted(o.signal);
    throwIfUnsupported(o);
    const wasmUrl = o.wasmUrl === undefined ? null : resolveWasmUrl(o.wasmUrl);
    const host = new ModelHost({
      source,
      wasmUrl,
      cache: o.cache ?? true,
      createWorker: o.createWorker ?? spawnWorker,
    });
    await host.load({ signal: o.signal, onProgress: o.onProgress });
    const limit = host.loaded?.info.maxLength ?? 0;
    if (o.maxLength !== undefined && o.maxLength > limit) {
      host.dispose();
      throw new CrossrankError(
        'OPTION',
        `Option maxLength of Reranker.load is ${o.maxLength}. The model reads at most ${limit} tokens.`,
      );
    }
    const why =
      o.device === 'cpu'
        ? "device: 'cpu' was asked for"
        : "device: 'auto' uses the CPU until WebGPU is supported";
    return new Reranker(host, source.name, o.maxLength ?? 0, why);
  }

  /** Whether all files of a model are in the browser's cache, so that loading it needs no request for them. */
  static async isCached(model?: string | URL): Promise<boolean> {
    const source = resolveSource(readLoadOptions({ model }).model, pageUrl());
    const cache = await ModelCache.open();
    return cache !== null && (await isStored(source, cache));
  }

  /** Removes one model from the browser's cache; without argument every model that crossrank keeps on this origin. */
  static async clearCache(model?: string | URL): Promise<void> {
    if (model === undefined) return ModelCache.clearAll();
    const folder = resolveSource(readLoadOptions({ model }).model, pageUrl()).url('');
    const cache = await ModelCache.open();
    await cache?.removeWhere((url) => url.startsWith(folder));
  }

  /**
   * Puts documents in order, best first; equal scores keep the order in which they were passed.
   *
   * A document is a string, or an object whose `path` and `title` (each on its own line, if it has them), an empty
   * line, and `text` are read, or anything with `options.text`. Pairs that are too long are cut as the reference does
   * and counted in `status.truncated`. Calls may overlap; they are served first in, first out.
   */
  async rank<T extends string | TextDocument>(
    query: string,
    documents: readonly T[],
    options?: RankOptions<T>,
  ): Promise<Ranked<T>[]>;
  async rank<T>(
    query: string,
    documents: readonly T[],
    options: RankOptions<T> & { readonly text: (document: T) => string },
  ): Promise<Ranked<T>[]>;
  async rank<T>(query: string, documents: readonly T[], options?: RankOptions<T>): Promise<Ranked<T>[]> {
    this.#host.throwIfDisposed();
    const o = readRankOptions<T>(options);
    const queryText = wellFormed(requireString(query, 'The query'));
    if (!Array.isArray(documents)) {
      throw new CrossrankError(
        'OPTION',
        `The documents of rank are ${typeName(documents)}. They must be an array.`,
      );
    }
    const kept: readonly T[] = Array.from(documents);
    const pairs = kept.flatMap((document, i) => [queryText, documentText(document, i, o.text)]);
    throwIfAborted(o.signal);
    if (kept.length === 0) return [];
    const { scores, order } = await this.#run(pairs, o, o.topK ?? 0);
    return Array.from(order ?? [], (index) => ({
      index,
      score: scores[index] as number,
      document: kept[index] as T,
    }));
  }

  /** Scores `[query, document]` pairs. The scores come in the order of the pairs. */
  async predict(
    pairs: readonly (readonly [query: string, document: string])[],
    options?: PredictOptions,
  ): Promise<Float32Array<ArrayBuffer>> {
    this.#host.throwIfDisposed();
    const o = readPredictOptions(options);
    if (!Array.isArray(pairs)) {
      throw new CrossrankError(
        'OPTION',
        `The pairs of predict are ${typeName(pairs)}. They must be an array of [query, document].`,
      );
    }
    const flat = Array.from(pairs as readonly unknown[]).flatMap((pair, i) => {
      if (!Array.isArray(pair) || pair.length !== 2) {
        throw new CrossrankError(
          'OPTION',
          `pairs[${i}] is ${typeName(pair)}, not [query, document] with two strings.`,
        );
      }
      return [requireString(pair[0], `pairs[${i}][0]`), requireString(pair[1], `pairs[${i}][1]`)].map(
        wellFormed,
      );
    });
    throwIfAborted(o.signal);
    if (flat.length === 0) return new Float32Array(0);
    return (await this.#run(flat, o, null)).scores;
  }

  /** Runs the model once on a small pair, so that the next call finds it warm. `load` has done this already. */
  async warmup(options?: Pick<PredictOptions, 'signal'>): Promise<void> {
    await this.#host.warmUp(readPredictOptions(options).signal);
  }

  /** A snapshot: state, device and why, model, counters, sizes, and the timings of the last call. */
  get status(): Status {
    const loaded = this.#host.loaded;
    const { calls, pairs, tokens, truncated, memoryBytes, last } = this.#tally;
    const limit = loaded?.info.maxLength ?? 0;
    return Object.freeze({
      state: this.#state(),
      device: Object.freeze({ kind: 'cpu', why: this.#why }),
      model: Object.freeze({
        id: loaded?.delivery.id ?? '',
        dtype: loaded?.delivery.dtype ?? null,
        maxLength: this.#maxLength === 0 ? limit : this.#maxLength,
        activation: loaded?.info.activation ?? 'identity',
        source: this.#source,
      }),
      workers: 1,
      restarts: this.#host.restarts,
      cached: loaded?.delivery.stored ?? false,
      verified: loaded?.delivery.verified ?? false,
      calls,
      pairs,
      tokens,
      truncated,
      ignoredMessages: loaded?.client.ignored ?? 0,
      bytes: Object.freeze({
        downloaded: loaded?.delivery.downloaded ?? 0,
        model: loaded?.delivery.bytes ?? 0,
      }),
      memoryBytes: Math.max(memoryBytes, loaded?.info.memoryBytes ?? 0),
      last,
    });
  }

  /** Ends the worker and frees the model. Pending and later calls reject with DISPOSED. May be called again. */
  async dispose(): Promise<void> {
    this.#host.dispose();
  }

  /** For `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  #state(): Status['state'] {
    if (this.#host.disposed) return 'disposed';
    if (this.#host.pendingCalls > 0) return 'busy';
    return this.#host.loaded?.client.closed === undefined ? 'ready' : 'stopped';
  }

  async #run(pairs: readonly string[], o: PredictOptions, topK: number | null) {
    const activation: WireActivation = o.activation ?? '';
    const maxLength = o.maxLength ?? this.#maxLength;
    const result = await this.#host.run({ pairs, maxLength, activation, topK }, o.signal);
    this.#tally.add(result);
    return result;
  }
}

function requireString(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  throw new CrossrankError('OPTION', `${name} is ${typeName(value)}. It must be a string.`);
}

/** What relative URLs resolve against; undefined outside a browser. */
function pageUrl(): string | undefined {
  return globalThis.document?.baseURI ?? globalThis.location?.href;
}

function resolveWasmUrl(url: string | URL): string {
  try {
    return new URL(url, pageUrl()).href;
  } catch (cause) {
    throw new CrossrankError(
      'OPTION',
      `Option wasmUrl of Reranker.load is ${JSON.stringify(url)}. It must be a URL.`,
      { cause },
    );
  }
}

/** The smallest module that uses a SIMD instruction: one function that returns `i8x16.splat(0)` bit by bit. */
const SIMD_PROBE = Uint8Array.of(
  ...[
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98,
    11,
  ],
);

function throwIfUnsupported(o: LoadOptions): void {
  const fail = (message: string): never => {
    throw new CrossrankError('UNSUPPORTED', message);
  };
  if (o.device === 'webgpu') fail("device: 'webgpu' is not available in this version. Use 'auto' or 'cpu'.");
  if (globalThis.Worker === undefined && o.createWorker === undefined) {
    fail(
      'This place has no Worker. crossrank runs in browsers, not in Node or on a server. Load it in the page.',
    );
  }
  if (globalThis.WebAssembly === undefined || !WebAssembly.validate(SIMD_PROBE)) {
    fail(
      'This browser has no WebAssembly with SIMD. It is too old, or WebAssembly is switched off. Update it.',
    );
  }
}
