/// <reference lib="esnext.disposable" preserve="true" />
// The public class. Checks what callers pass, sends strings to the pool, and puts the caller's own documents back
// beside the scores (ranking.ts). Everything else (workers, model files, wasm) is behind Pool.

import { ModelCache } from './assets/cache.js';
import { importDefaultModel } from './assets/default-model.js';
import { isStored } from './assets/model.js';
import { bundledSource, type ModelSource, resolveSource } from './assets/source.js';
import { CrossrankError, follow, throwIfAborted, withSignal } from './errors.js';
import { Gathered } from './gathered.js';
import { IDLE_MS, MAX_CALL_BYTES, MAX_PAIRS } from './limits.js';
import {
  type LoadOptions,
  type PredictOptions,
  type RankOptions,
  readLoadOptions,
  readPredictOptions,
  readRankOptions,
  readWarmupOptions,
  type WarmupOptions,
} from './options.js';
import { Pool, type PoolSettings } from './pool.js';
import type { Requests } from './protocol.js';
import { type Ranked, Ranking } from './ranking.js';
import { Reloading } from './reload.js';
import { bestSimd } from './simd.js';
import { spawnWorker } from './spawn.js';
import { type Status, snapshot, Tally } from './status.js';
import { Superseding } from './supersede.js';
import { type TextDocument, typeName, utf8Bytes, wellFormed } from './text.js';

/** What status says of a reranker that the load has settled. */
type Fixed = Pick<Status['model'], 'source' | 'precision'> & { readonly why: string };

/**
 * A cross-encoder that runs in this browser: reads a query and a document together and says how well they fit.
 *
 * @example
 * const reranker = await Reranker.load();
 * const ranked = await reranker.rank('open a file', ['fn open(path: &Path)', 'fn close(self)'], { topK: 1 });
 */
export class Reranker {
  readonly #reloading: Reloading;
  readonly #tally = new Tally();
  readonly #superseding = new Superseding();
  readonly #maxLength: number;
  readonly #fixed: Fixed;

  private constructor(reloading: Reloading, maxLength: number, fixed: Fixed) {
    this.#reloading = reloading;
    this.#maxLength = maxLength;
    this.#fixed = fixed;
  }

  /** The workers; others after a reload. */
  get #pool(): Pool {
    return this.#reloading.pool;
  }

  /**
   * Starts a worker and loads a model into it. Files are checked and kept in the browser's cache, so that a second
   * load needs no request for them. A kept manifest is not asked for again, unless `reloadEvery` says so: publish a
   * new version of a model under a new folder or revision, or call `clearCache` to fetch it anew.
   */
  static async load(options?: LoadOptions): Promise<Reranker> {
    const o = readLoadOptions(options);
    const named = o.model === undefined ? undefined : resolveSource(o.model, pageUrl());
    throwIfAborted(o.signal);
    throwIfUnsupported(o);
    const source = named ?? (await withSignal(defaultSource(), o.signal));
    const precision = o.precision ?? 'int8';
    const settings: PoolSettings = {
      source,
      precision,
      wasmUrl: o.wasmUrl === undefined ? null : wasmFolder(o.wasmUrl),
      cache: o.cache ?? true,
      createWorker: o.createWorker ?? spawnWorker,
      workers: o.workers ?? 'auto',
      idleMs: o.idleMs ?? IDLE_MS,
      maxLength: o.maxLength ?? 0,
    };
    if (o.reloadEvery !== undefined && source.manifest !== null)
      throw notReloadable('comes with the package');
    const pool = new Pool(settings);
    await pool.load({ signal: o.signal, onProgress: o.onProgress });
    if (o.reloadEvery !== undefined && !pool.delivery?.manifest) {
      pool.dispose();
      throw notReloadable('has no manifest.json');
    }
    const { reloadEvery, onReload } = o;
    const reloading = new Reloading(pool, settings, { reloadEvery, onReload });
    const why =
      o.device === 'cpu'
        ? "device: 'cpu' was asked for"
        : "device: 'auto' uses the CPU until WebGPU is supported";
    return new Reranker(reloading, o.maxLength ?? 0, { source: source.name, precision, why });
  }

  /** Whether all files of a model are in the browser's cache, so that loading it needs no request for them. */
  static async isCached(model?: string | URL): Promise<boolean> {
    const named = readLoadOptions({ model }).model;
    const source = named === undefined ? await defaultSource() : resolveSource(named, pageUrl());
    const cache = await ModelCache.open();
    return cache !== null && (await isStored(source, cache));
  }

  /** Removes one model from the browser's cache; without argument every model that crossrank keeps on this origin. */
  static async clearCache(model?: string | URL): Promise<void> {
    if (model === undefined) return ModelCache.clearAll();
    readLoadOptions({ model });
    const folder = resolveSource(model, pageUrl()).url('');
    const cache = await ModelCache.open();
    await cache?.removeWhere((url) => url.startsWith(folder));
  }

  /**
   * Puts documents in order, best first; equal scores keep the order in which they were passed.
   *
   * A document is a string, or an object whose `path` and `title` (each on its own line, if it has them), an empty
   * line, and `text` are read, or anything with `options.text`. Pairs that are too long are cut as the reference does
   * and counted in `status.truncated`. Calls may overlap; they are served first in, first out. A worker that is lost
   * in mid-call has the rest of its pairs taken over by another one, if another lives; if none does, all pending calls
   * reject with WORKER_LOST and the next call starts a fresh worker.
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
    this.#pool.throwIfDisposed();
    if (!Array.isArray(documents)) {
      throw new CrossrankError(
        'OPTION',
        `The documents of rank are ${typeName(documents)}. They must be an array.`,
      );
    }
    const kept: readonly T[] = Array.from(documents);
    const o = readRankOptions<T>(options, kept.length);
    const ranking = new Ranking(wellFormed(requireString(query, 'The query')), kept, o);
    const { onPartial } = o;
    const onScores =
      onPartial && ((gathered: Gathered) => callSafely(() => onPartial(ranking.scored(gathered.scores))));
    const { scores } = await this.#run(ranking.pairs, o, { budgetMs: o.budgetMs, onScores });
    return ranking.all(scores);
  }

  /** Scores `[query, document]` pairs. The scores come in the order of the pairs. */
  async predict(
    pairs: readonly (readonly [query: string, document: string])[],
    options?: PredictOptions,
  ): Promise<Float32Array<ArrayBuffer>> {
    this.#pool.throwIfDisposed();
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
    return (await this.#run(flat, o, {})).scores;
  }

  /**
   * Starts all workers that a large call would use, and resolves when they have the model. Without it they start in
   * the background when a call is large enough for them.
   */
  async warmup(options?: WarmupOptions): Promise<void> {
    const { signal } = readWarmupOptions(options);
    throwIfAborted(signal);
    for (let pool = this.#pool; ; pool = this.#pool) {
      try {
        return await pool.warmUp(signal);
      } catch (error) {
        // Replaced in the meantime by one with a new model, which is to be warm then.
        if (pool === this.#pool || signal?.aborted) throw error;
      }
    }
  }

  /** A snapshot: state, device and why, model, workers, counters, sizes, and the timings of the last call. */
  get status(): Status {
    const fixed = { ...this.#fixed, maxLength: this.#maxLength };
    return snapshot(this.#pool, this.#tally, fixed, this.#reloading.status);
  }

  /** Ends all workers and frees the model. Pending and later calls reject with DISPOSED. May be called again. */
  async dispose(): Promise<void> {
    this.#reloading.dispose();
  }

  /** For `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  async #run(
    pairs: readonly string[],
    o: PredictOptions,
    control: Pick<RankOptions<unknown>, 'budgetMs'> & {
      readonly onScores?: ((gathered: Gathered) => void) | undefined;
    },
  ): Promise<Gathered> {
    throwIfAborted(o.signal);
    throwIfTooMuch(pairs);
    const stop = new AbortController();
    const leave = this.#superseding.enter(o.supersede, stop);
    const unlink = follow(o.signal, stop);
    try {
      if (pairs.length === 0) return new Gathered(0);
      const request: Requests['run'] = {
        pairs,
        maxLength: o.maxLength ?? this.#maxLength,
        activation: o.activation ?? '',
        early: control.budgetMs !== undefined || control.onScores !== undefined,
      };
      const gathered = await this.#pool.run(request, { ...control, signal: stop.signal });
      this.#tally.add(gathered);
      return gathered;
    } finally {
      unlink();
      leave();
    }
  }
}

function requireString(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  throw new CrossrankError('OPTION', `${name} is ${typeName(value)}. It must be a string.`);
}

function notReloadable(why: string): CrossrankError {
  return new CrossrankError(
    'OPTION',
    `Option reloadEvery of Reranker.load is set, but the model ${why}, so no change could be seen. ` +
      'Leave the option out, or serve a folder that `crossrank quantize` made.',
  );
}

async function defaultSource(): Promise<ModelSource> {
  return bundledSource(await importDefaultModel(), pageUrl());
}

/** What relative URLs resolve against; undefined outside a browser. */
function pageUrl(): string | undefined {
  return globalThis.document?.baseURI ?? globalThis.location?.href;
}

/** The folder that `wasmUrl` names, with a slash at its end. */
function wasmFolder(url: string | URL): string {
  try {
    const folder = new URL(url, pageUrl());
    if (folder.pathname.endsWith('.wasm')) throw new Error('it names a file');
    if (!folder.pathname.endsWith('/')) folder.pathname += '/';
    return folder.href;
  } catch (cause) {
    throw new CrossrankError(
      'OPTION',
      `Option wasmUrl of Reranker.load is ${JSON.stringify(url)}. It must be the URL of the folder that holds the ` +
        '.wasm files.',
      { cause },
    );
  }
}

/** Each worker sees only its share of a call, so the caps on a whole call are kept here. */
function throwIfTooMuch(pairs: readonly string[]): void {
  const fail = (value: number, unit: string, cap: number, name: string): never => {
    throw new CrossrankError(
      'LIMIT',
      `The call has ${value} ${unit}. At most ${cap} are allowed (${name}). Rank fewer or shorter documents.`,
    );
  };
  const count = pairs.length / 2;
  if (count > MAX_PAIRS) fail(count, 'pairs', MAX_PAIRS, 'MAX_PAIRS');
  const units = pairs.reduce((sum, text) => sum + text.length, 0);
  if (units * 3 <= MAX_CALL_BYTES) return; // a UTF-16 unit is at most three bytes
  const bytes = pairs.reduce((sum, text) => sum + utf8Bytes(text), 0);
  if (bytes > MAX_CALL_BYTES) fail(bytes, 'bytes', MAX_CALL_BYTES, 'MAX_CALL_BYTES');
}

/** Calls a function of the caller's. Its failure is the page's to see, but no reason to fail the call. */
function callSafely(work: () => void): void {
  try {
    work();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

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
  if (bestSimd() === null) {
    fail(
      'This browser has no WebAssembly with SIMD. It is too old, or WebAssembly is switched off. Update it.',
    );
  }
}
