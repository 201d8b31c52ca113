// Reads what callers pass: an allow-list of own keys, types checked, each property read once, the outcome frozen.
// Nothing is coerced and nothing unknown is skipped in silence. Called by Reranker only.

import { CrossrankError } from './errors.js';
import { typeName } from './text.js';

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
  /** Where to compute. `'auto'` (default) and `'cpu'` run on the CPU; `'webgpu'` is not available yet. */
  readonly device?: 'auto' | 'webgpu' | 'cpu' | undefined;
  /** How many workers. One is used, whatever is asked for, until there is a pool. Default `'auto'`. */
  readonly workers?: 'auto' | number | undefined;
  /** Most tokens of a pair; longer pairs are cut. Default and upper bound: the model's own limit. */
  readonly maxLength?: number | undefined;
  /** Keep model files in the browser's Cache API. Default true. */
  readonly cache?: boolean | undefined;
  /** Aborts the load, not later calls. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: LoadProgress) => void) | undefined;
  /** Makes the worker, where the default cannot: `() => new Worker(url, { type: 'module' })`. Called again after a loss. */
  readonly createWorker?: (() => Worker) | undefined;
  /** Where the .wasm file is, when it is not beside the worker script. Relative to the page. */
  readonly wasmUrl?: string | URL | undefined;
}

/** Options of `predict`. */
export interface PredictOptions {
  /** Default: what the model's config says. */
  readonly activation?: Activation | undefined;
  /** Most tokens of a pair in this call. Default: `maxLength` of `load`. */
  readonly maxLength?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Options of `rank`. */
export interface RankOptions<T> extends PredictOptions {
  /** How many of the best to return. Default: all. */
  readonly topK?: number | undefined;
  /** The text of a document, when it is not a string or `{ text, title?, path? }`. */
  readonly text?: ((document: T) => string) | undefined;
}

type Check = (value: unknown) => true | string;
type Spec<O> = { readonly [K in keyof Required<O>]: Check };

const positiveInteger: Check = (v) =>
  (Number.isSafeInteger(v) && (v as number) >= 1) || 'a whole number of at least 1';
const aFunction: Check = (v) => typeof v === 'function' || 'a function';
const aBoolean: Check = (v) => typeof v === 'boolean' || 'true or false';
const stringOrUrl: Check = (v) =>
  (typeof v === 'string' && v !== '') || v instanceof URL || 'a URL or a string';
// Signals of another realm (an iframe) are no instance of this realm's class, but they work.
const aSignal: Check = (v) =>
  (typeof v === 'object' && v !== null && 'aborted' in v && 'addEventListener' in v) || 'an AbortSignal';
const oneOf =
  (...allowed: readonly string[]): Check =>
  (v) =>
    (typeof v === 'string' && allowed.includes(v)) || `one of '${allowed.join("', '")}'`;

const PREDICT: Spec<PredictOptions> = {
  activation: oneOf('identity', 'sigmoid'),
  maxLength: positiveInteger,
  signal: aSignal,
};

const RANK: Spec<RankOptions<unknown>> = { ...PREDICT, topK: positiveInteger, text: aFunction };

const LOAD: Spec<LoadOptions> = {
  model: stringOrUrl,
  device: oneOf('auto', 'webgpu', 'cpu'),
  workers: (v) => v === 'auto' || positiveInteger(v) === true || "'auto' or a whole number of at least 1",
  maxLength: positiveInteger,
  cache: aBoolean,
  signal: aSignal,
  onProgress: aFunction,
  createWorker: aFunction,
  wasmUrl: stringOrUrl,
};

/** Options of `Reranker.load`, checked. */
export const readLoadOptions = (value: unknown): LoadOptions => read(value, LOAD, 'Reranker.load');

/** Options of `rank`, checked. */
export const readRankOptions = <T>(value: unknown): RankOptions<T> =>
  read(value, RANK, 'rank') as RankOptions<T>;

/** Options of `predict`, checked. */
export const readPredictOptions = (value: unknown): PredictOptions => read(value, PREDICT, 'predict');

function read<O extends object>(value: unknown, spec: Spec<O>, where: string): O {
  if (value === undefined) return Object.freeze({}) as O;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new CrossrankError(
      'OPTION',
      `The options of ${where} are ${typeName(value)}. They must be an object.`,
    );
  }
  const checks = new Map<string, Check>(Object.entries(spec));
  const entries: [string, unknown][] = [];
  for (const key of Reflect.ownKeys(value)) {
    const check = typeof key === 'string' ? checks.get(key) : undefined;
    if (check === undefined) throw unknownOption(String(key), [...checks.keys()], where);
    const given: unknown = Reflect.get(value, key);
    if (given === undefined) continue;
    const verdict = check(given);
    if (verdict !== true) {
      const shown =
        typeof given === 'string' || typeof given === 'number' ? JSON.stringify(given) : typeName(given);
      throw new CrossrankError(
        'OPTION',
        `Option ${String(key)} of ${where} is ${shown}. It must be ${verdict}.`,
      );
    }
    entries.push([key as string, given]);
  }
  return Object.freeze(Object.fromEntries(entries)) as O;
}

function unknownOption(key: string, valid: readonly string[], where: string): CrossrankError {
  const near = nearest(key, valid);
  const advice = near === undefined ? `Valid options: ${valid.join(', ')}.` : `Did you mean ${near}?`;
  return new CrossrankError(
    'OPTION',
    `${where} has no option ${JSON.stringify(key.slice(0, 60))}. ${advice}`,
  );
}

/** The valid key that a mistyped one is closest to, if any is close. */
function nearest(key: string, valid: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(key.length / 2)) + 1;
  for (const candidate of valid) {
    const distance = editDistance(key.slice(0, 60).toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein distance in UTF-16 units. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitute, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
