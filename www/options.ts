// The options of every public function: their types, what each may be, and their readers. Called by Reranker only.
// How a reader works is in check.ts.

import type { Blend } from './blend.js';
import {
  aBoolean,
  aFunction,
  aSignal,
  type Check,
  milliseconds,
  oneOf,
  positiveInteger,
  read,
  type Spec,
  stringOrUrl,
} from './check.js';
import { CrossrankError } from './errors.js';
import { MAX_WORKERS, MIN_RELOAD_MS } from './limits.js';
import type { Precision } from './protocol.js';
import type { Ranked } from './ranking.js';
import type { ReloadEvent } from './reload.js';

/** How scores come out of the model's logits. */
export type Activation = 'identity' | 'sigmoid';

/** A step of loading. */
export interface LoadProgress {
  /**
   * What is going on: `download` (absent when every file is in the cache), `verify`, `compile`, `warm-up`, in this
   * order. Only a damaged file in the cache leads back from `verify` to `download`.
   */
  readonly phase: 'download' | 'verify' | 'compile' | 'warm-up';
  /** Bytes of the model that this phase has dealt with. */
  readonly loaded: number;
  /** Bytes of the model; null as long as the server has not told. */
  readonly total: number | null;
  /** The whole load from 0 to 1: never falls, and is exactly 1 in the last event. */
  readonly progress: number;
}

/** Options of `Reranker.load`. */
export interface LoadOptions {
  /**
   * Where the model is: a folder URL (relative to the page; with manifest.json, or a Hugging Face folder with
   * config.json, tokenizer.json and model.safetensors), or `'hf:org/name@revision'` (`@main` when left out).
   * Default: the model that ships with the package.
   */
  readonly model?: string | URL | undefined;
  /**
   * Where to compute. `'auto'` (default): on the CPU at once, and on the GPU as soon as it has proved to be right and
   * faster, which is tried when no call came for a second. `'cpu'`: there only. `'webgpu'`: on the GPU however fast it
   * is; the load fails with UNSUPPORTED or GPU_UNTRUSTED if it cannot be, and with OPTION beside `precision: 'f32'`, which
   * only the CPU has. If the GPU fails later, the CPU takes over.
   */
  readonly device?: 'auto' | 'webgpu' | 'cpu' | undefined;
  /**
   * Most workers that share the pairs of a call, at most 16. Each holds the model in a memory of its own
   * (`status.workerMemoryBytes`). They start in the background when a call is large enough for them, and later calls
   * use them. Default `'auto'`: one less than the processors, at most 4, and in a call one for every 4 pairs.
   */
  readonly workers?: 'auto' | number | undefined;
  /** Milliseconds without a call after which all workers but one stop. Default 60,000; `Infinity`: never. */
  readonly idleMs?: number | undefined;
  /**
   * The arithmetic of the model. `'int8'` (default) is several times faster and needs a quarter of the memory;
   * `'f32'` gives the reference's scores to about 0.001.
   */
  readonly precision?: Precision | undefined;
  /** Most tokens of a pair; longer pairs are cut. Default and upper bound: the model's own limit. */
  readonly maxLength?: number | undefined;
  /**
   * Keep model files in the browser's Cache API. Default true. Without it the page holds the bytes of the model in
   * its memory when there may be more than one worker, so that none of them needs a second download.
   */
  readonly cache?: boolean | undefined;
  /** Aborts the load, not later calls. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: LoadProgress) => void) | undefined;
  /** Makes the worker, where the default cannot: `() => new Worker(url, { type: 'module' })`. Called again after a loss. */
  readonly createWorker?: (() => Worker) | undefined;
  /**
   * The folder of the `.wasm` files (`crossrank_cpu_bg.wasm`, `crossrank_cpu_relaxed_bg.wasm`, `crossrank_webgpu_bg.wasm`),
   * when they are not in `wasm/` beside the worker script. Relative to the page. The worker takes the one that it needs.
   */
  readonly wasmUrl?: string | URL | undefined;
  /**
   * Milliseconds, at least 1,000, between two looks at the model's manifest on its host, the first one right after a
   * load from the cache; `Infinity`: only that one. If it has changed, the new version is loaded beside the old one, and
   * calls that are made from then on go to it. Default: a model is not looked for again once it is in the cache.
   */
  readonly reloadEvery?: number | undefined;
  /** Told when a new version has taken over, or why it could not. */
  readonly onReload?: ((event: ReloadEvent) => void) | undefined;
}

/** Options of `warmup`. */
export interface WarmupOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Options of `predict`. */
export interface PredictOptions {
  /** Default: what the model's config says. */
  readonly activation?: Activation | undefined;
  /** Most tokens of a pair in this call. Default: `maxLength` of `load`. */
  readonly maxLength?: number | undefined;
  /** Rejects the call with ABORTED at once; the workers stop at the end of the batch they are in. */
  readonly signal?: AbortSignal | undefined;
  /** Aborts the earlier calls of this reranker that have the same key, as their signal would. */
  readonly supersede?: string | undefined;
}

/** Options of `rank`. */
export interface RankOptions<T> extends PredictOptions {
  /** How many of the best to return. Default: all. */
  readonly topK?: number | undefined;
  /** The text of a document, when it is not a string or `{ text, title?, path? }`. */
  readonly text?: ((document: T) => string) | undefined;
  /**
   * Milliseconds from the call on after which it resolves with what is scored by then. The other documents follow in
   * base order (that of `blend.base`, else as passed), with `scored: false` and the score NaN.
   */
  readonly budgetMs?: number | undefined;
  /**
   * Called as batches finish, with the documents scored so far, best first, cut to `topK`. Never called after the
   * promise settled. If it throws, the page's error handler is told and the call goes on.
   */
  readonly onPartial?: ((results: Ranked<T>[]) => void) | undefined;
  /** Mixes the model's scores with those of a first stage. Default: the model's scores alone. */
  readonly blend?: Blend | undefined;
}

const WARMUP: Spec<WarmupOptions> = { signal: aSignal };

const PREDICT: Spec<PredictOptions> = {
  activation: oneOf('identity', 'sigmoid'),
  maxLength: positiveInteger,
  signal: aSignal,
  supersede: (v) => (typeof v === 'string' && v !== '') || 'a string that is not empty',
};

const RANK: Spec<RankOptions<unknown>> = {
  ...PREDICT,
  topK: positiveInteger,
  text: aFunction,
  budgetMs: milliseconds,
  onPartial: aFunction,
  blend: (v) => (typeof v === 'object' && v !== null) || 'an object { alpha, base, normalize?, topN? }',
};

const BLEND: Spec<Blend> = {
  alpha: (v) => (typeof v === 'number' && v >= 0 && v <= 1) || 'a number from 0 to 1',
  base: (v) => (Array.isArray(v) && v.every(Number.isFinite)) || 'an array of finite numbers',
  normalize: oneOf('minmax', 'none'),
  topN: positiveInteger,
};

const workers: Check = (v) =>
  v === 'auto' ||
  (positiveInteger(v) === true && (v as number) <= MAX_WORKERS) ||
  `'auto' or a whole number from 1 to ${MAX_WORKERS}`;

const LOAD: Spec<LoadOptions> = {
  model: stringOrUrl,
  device: oneOf('auto', 'webgpu', 'cpu'),
  workers,
  idleMs: milliseconds,
  precision: oneOf('int8', 'f32'),
  maxLength: positiveInteger,
  cache: aBoolean,
  signal: aSignal,
  onProgress: aFunction,
  createWorker: aFunction,
  wasmUrl: stringOrUrl,
  reloadEvery: (v) =>
    (typeof v === 'number' && v >= MIN_RELOAD_MS) || `a number of at least ${MIN_RELOAD_MS}, in milliseconds`,
  onReload: aFunction,
};

/** Options of `Reranker.load`, checked. */
export const readLoadOptions = (value: unknown): LoadOptions => read(value, LOAD, 'Reranker.load');

/** Options of `rank` over `count` documents, checked. */
export function readRankOptions<T>(value: unknown, count: number): RankOptions<T> {
  const options = read(value, RANK, 'rank') as RankOptions<T>;
  return options.blend === undefined
    ? options
    : Object.freeze({ ...options, blend: readBlend(options.blend, count) });
}

/** Options of `warmup`, checked. */
export const readWarmupOptions = (value: unknown): WarmupOptions => read(value, WARMUP, 'warmup');

/** Options of `predict`, checked. */
export const readPredictOptions = (value: unknown): PredictOptions => read(value, PREDICT, 'predict');

function readBlend(value: unknown, count: number): Blend {
  const blend = read(value, BLEND, "rank's blend");
  for (const key of ['alpha', 'base'] as const) {
    if (blend[key] !== undefined) continue;
    throw new CrossrankError('OPTION', `Option ${key} of rank's blend is missing. It has no default.`);
  }
  // A copy: the caller's array may change while the call runs.
  const base = Object.freeze(Array.from(blend.base));
  if (base.length === count) return Object.freeze({ ...blend, base });
  throw new CrossrankError(
    'OPTION',
    `Option base of rank's blend has ${base.length} numbers for ${count} documents. It must have one for each.`,
  );
}
