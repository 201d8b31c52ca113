/// <reference lib="esnext.disposable" preserve="true" />
// The public class. Checks what callers pass, sends strings to the device that serves, and puts the caller's own
// documents back beside the scores (ranking.ts). Everything else (devices, workers, model files, wasm) is behind Devices.

import { ModelCache } from './assets/cache.js';
import { importDefaultModel } from './assets/default-model.js';
import { writesEnded } from './assets/late.js';
import { isStored } from './assets/model.js';
import { bundledSource, type ModelSource, resolveSource } from './assets/source.js';
import { Devices, type DevicesSettings, hasWebGpu } from './devices.js';
import { CrossrankError, follow, throwIfAborted, withSignal } from './errors.js';
import { type DeviceChangeEvent, DeviceEvents } from './events.js';
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
import type { Requests } from './protocol.js';
import { type Ranked, Ranking } from './ranking.js';
import { Reloading } from './reload.js';
import { bestSimd } from './simd.js';
import { spawnWorker } from './spawn.js';
import { type Status, snapshot, Tally } from './status.js';
import { Superseding } from './supersede.js';
import { type TextDocument, typeName, utf8Bytes, wellFormed } from './text.js';
import { forgetVerdicts } from './verdict.js';

/** What status says of a reranker that the load has settled. */
type Fixed = Pick<Status['model'], 'source' | 'precision'>;

/**
 * A cross-encoder that runs in this browser: reads a query and a document together and says how well they fit.
 *
 * @example
 * const reranker = await Reranker.load();
 * const ranked = await reranker.rank('open a file', ['fn open(path: &Path)', 'fn close(self)'], { topK: 1 });
 */
export class Reranker {
  readonly #reloading: Reloading;
  readonly #events: DeviceEvents;
  readonly #tally = new Tally();
  readonly #superseding = new Superseding();
  readonly #maxLength: number;
  readonly #fixed: Fixed;

  private constructor(reloading: Reloading, events: DeviceEvents, maxLength: number, fixed: Fixed) {
    this.#reloading = reloading;
    this.#events = events;
    this.#maxLength = maxLength;
    this.#fixed = fixed;
  }

  /** The workers; others after a reload. */
  get #devices(): Devices {
    return this.#reloading.devices;
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
    if (o.device === 'webgpu' && o.precision === 'f32') {
      throw new CrossrankError(
        'OPTION',
        "Options device 'webgpu' and precision 'f32' of Reranker.load exclude each other. The GPU computes with int8 " +
          'weights and f32 activations. Leave one out.',
      );
    }
    throwIfUnsupported(o);
    const source = named ?? (await withSignal(defaultSource(), o.signal));
    const precision = o.precision ?? 'int8';
    const events = new DeviceEvents();
    const settings: DevicesSettings = {
      source,
      precision,
      choice: o.device ?? 'auto',
      wasmUrl: o.wasmUrl === undefined ? null : wasmFolder(o.wasmUrl),
      cache: o.cache ?? true,
      createWorker: o.createWorker ?? spawnWorker,
      workers: o.workers ?? 'auto',
      idleMs: o.idleMs ?? IDLE_MS,
      maxLength: o.maxLength ?? 0,
      onChange: (change) => events.tell(change),
    };
    if (o.reloadEvery !== undefined && source.manifest !== null)
      throw notReloadable('comes with the package');
    const devices = new Devices(settings);
    await devices.load({ signal: o.signal, onProgress: o.onProgress });
    if (o.reloadEvery !== undefined && !devices.delivery?.manifest) {
      devices.dispose();
      throw notReloadable('has no manifest.json');
    }
    const { reloadEvery, onReload } = o;
    const reloading = new Reloading(devices, settings, { reloadEvery, onReload });
    return new Reranker(reloading, events, o.maxLength ?? 0, { source: source.name, precision });
  }

  /**
   * Whether all files of a model are in the browser's cache, so that loading it needs no request for them. Waits for
   * those that a `load` on this page is still writing.
   */
  static async isCached(model?: string | URL): Promise<boolean> {
    const named = readLoadOptions({ model }).model;
    const source = named === undefined ? await defaultSource() : resolveSource(named, pageUrl());
    await writesEnded();
    const cache = await ModelCache.open();
    return cache !== null && (await isStored(source, cache));
  }

  /**
   * Removes one model from the browser's cache; without argument every model that crossrank keeps on this origin,
   * and what `device: 'auto'` found out about the GPU.
   */
  static async clearCache(model?: string | URL): Promise<void> {
    if (model === undefined) {
      forgetVerdicts();
      await writesEnded();
      return ModelCache.clearAll();
    }
    readLoadOptions({ model });
    const folder = resolveSource(model, pageUrl()).url('');
    await writesEnded();
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
   * reject with WORKER_LOST and the next call starts a fresh worker. When the GPU fails, all that it had to do is done
   * by the CPU.
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
    this.#devices.throwIfDisposed();
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
    this.#devices.throwIfDisposed();
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
   * Starts all that a large call would use, and resolves when it is ready: the GPU if `device` allows it and it proves
   * itself, else all workers. Without it they start in the background: the workers when a call is large enough for
   * them, the GPU when no call came for a second.
   */
  async warmup(options?: WarmupOptions): Promise<void> {
    const { signal } = readWarmupOptions(options);
    throwIfAborted(signal);
    for (let devices = this.#devices; ; devices = this.#devices) {
      try {
        return await devices.warmUp(signal);
      } catch (error) {
        // Replaced in the meantime by one with a new model, which is to be warm then.
        if (devices === this.#devices || signal?.aborted) throw error;
      }
    }
  }

  /** A snapshot: state, device and why, model, workers, counters, sizes, and the timings of the last call. */
  get status(): Status {
    const fixed = { ...this.#fixed, maxLength: this.#maxLength };
    return snapshot(this.#devices, this.#tally, fixed, this.#reloading.status);
  }

  /**
   * Tells of another device: `devicechange` comes when the GPU takes over, and once when it fails. No call is lost with
   * it; there is nothing to be done. Options are those of `EventTarget`.
   */
  addEventListener(
    type: 'devicechange',
    listener: (event: DeviceChangeEvent) => void,
    options?: AddEventListenerOptions | boolean,
  ): void {
    this.#events.add(type, listener, options);
  }

  removeEventListener(
    type: 'devicechange',
    listener: (event: DeviceChangeEvent) => void,
    options?: EventListenerOptions | boolean,
  ): void {
    this.#events.remove(type, listener, options);
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
      const gathered = await this.#devices.run(request, { ...control, signal: stop.signal });
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
  if (o.device === 'webgpu' && !hasWebGpu()) {
    fail(
      "device: 'webgpu' was asked for, but this place has no WebGPU. The browser is too old, has it switched off, or " +
        "the page is not served over https. Use 'auto' or 'cpu'.",
    );
  }
}
