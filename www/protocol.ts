// The messages between page and worker: their types and the guards that decide at run time whether a message is one.
// No behaviour is here. A message that no guard accepts is ignored and counted by the side that received it.

import type { Probe } from './device.js';
import { isWireError, type WireError } from './errors.js';
import type { Binary } from './glue.js';

/** Both sides come from one build; the number catches a cached worker script of another version. */
export const PROTOCOL_VERSION = 3;

/** '' leaves the choice to the model's config. */
export type WireActivation = '' | 'identity' | 'sigmoid';

/** The arithmetic of the model; the names are those of `ModelLoader`. */
export type Precision = 'int8' | 'f32';

/** Where a worker computes. */
export type DeviceKind = 'cpu' | 'webgpu';

/** What the page asks for. Every one is answered by `result` or `error` with the same id, or by `fatal`. */
export interface Requests {
  /** Are you there? */
  hello: object;
  /** What does the browser offer for WebGPU? Fetches nothing. */
  probe: object;
  /**
   * Load and compile a wasm module; null: from the folder wasm/ beside the worker script. With 'webgpu' open the device,
   * too.
   */
  start: { readonly device: DeviceKind; readonly wasmUrl: string | null };
  /** Begin a model. Both buffers are transferred. */
  model: { readonly config: ArrayBuffer; readonly tokenizer: ArrayBuffer; readonly precision: Precision };
  /** The next bytes of the safetensors stream, transferred. */
  weights: { readonly bytes: ArrayBuffer };
  /** All weights are in: build the model. */
  finish: object;
  /** On the CPU: the logits of the canary pairs. */
  canaries: object;
  /** On the GPU: test the kernels now, and check every batch by canaries, which must have these logits. */
  trust: { readonly expected: Float32Array<ArrayBuffer> };
  /** Score pairs, given flat (query, document, query, document, …). The scores come in `part` messages. */
  run: {
    readonly pairs: readonly string[];
    readonly maxLength: number;
    readonly activation: WireActivation;
    /** Send scores as soon as there are some; else all at the end. */
    readonly early: boolean;
  };
}

/** What the worker answers. */
export interface Results {
  /** Name of a Web Lock that the worker holds while it lives; null where there are none. */
  hello: { readonly lock: string | null };
  probe: Probe;
  /** The binary that was chosen. */
  start: { readonly binary: Binary };
  model: null;
  weights: null;
  finish: {
    readonly maxLength: number;
    readonly activation: 'identity' | 'sigmoid';
    readonly memoryBytes: number;
  };
  canaries: { readonly logits: Float32Array<ArrayBuffer> };
  trust: null;
  /** Comes after the last `part`. */
  run: {
    readonly tokenizeMs: number;
    readonly scoreMs: number;
    readonly memoryBytes: number;
  };
}

/** Some outcomes of a `run`: those of the pairs that follow the ones of the `part` before. */
export interface Part {
  /** One score a pair, in input order. */
  readonly scores: Float32Array<ArrayBuffer>;
  readonly tokens: number;
  readonly truncated: number;
  readonly batches: number;
}

export type RequestType = keyof Requests;

type Envelope = { readonly v: typeof PROTOCOL_VERSION; readonly id: number };

export type Request = { [T in RequestType]: Envelope & { readonly type: T } & Requests[T] }[RequestType];

/** Takes back the request with this id. It has no answer of its own: the request answers `ABORTED`. */
export type Cancel = Envelope & { readonly type: 'cancel' };

export type ToWorker = Request | Cancel;

export type ToPage =
  /** The request is under way and has this to give already. */
  | (Envelope & { readonly type: 'part'; readonly part: Part })
  | (Envelope & { readonly type: 'result'; readonly value: unknown })
  /** This request failed; the worker is fine. */
  | (Envelope & { readonly type: 'error'; readonly error: WireError })
  /** The wasm instance can no longer be trusted; the worker serves nothing any more. */
  | (Envelope & { readonly type: 'fatal'; readonly error: WireError });

type Bag = Readonly<Record<string, unknown>>;

const isBag = (value: unknown): value is Bag => typeof value === 'object' && value !== null;
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isMs = (value: unknown): boolean => typeof value === 'number' && value >= 0;

function isEnvelope(value: unknown): value is Bag & Envelope {
  return isBag(value) && value.v === PROTOCOL_VERSION && isCount(value.id);
}

const REQUEST_GUARDS: Readonly<Record<RequestType | 'cancel', (m: Bag) => boolean>> = {
  hello: () => true,
  probe: () => true,
  start: (m) =>
    (m.device === 'cpu' || m.device === 'webgpu') && (m.wasmUrl === null || typeof m.wasmUrl === 'string'),
  model: (m) =>
    m.config instanceof ArrayBuffer &&
    m.tokenizer instanceof ArrayBuffer &&
    (m.precision === 'int8' || m.precision === 'f32'),
  weights: (m) => m.bytes instanceof ArrayBuffer,
  finish: () => true,
  canaries: () => true,
  trust: (m) => m.expected instanceof Float32Array,
  run: (m) =>
    Array.isArray(m.pairs) &&
    m.pairs.length % 2 === 0 &&
    m.pairs.every((text) => typeof text === 'string') &&
    isCount(m.maxLength) &&
    (m.activation === '' || m.activation === 'identity' || m.activation === 'sigmoid') &&
    typeof m.early === 'boolean',
  cancel: () => true,
};

const RESULT_GUARDS: { readonly [T in RequestType]: (value: unknown) => boolean } = {
  hello: (r) => isBag(r) && (r.lock === null || typeof r.lock === 'string'),
  probe: (r) =>
    isBag(r) &&
    (r.adapter === null || isAdapter(r.adapter)) &&
    (typeof r.missing === 'string' || (r.missing === undefined && r.adapter !== null)),
  start: (r) => isBag(r) && (r.binary === 'relaxed' || r.binary === 'simd128' || r.binary === 'webgpu'),
  model: (r) => r === null,
  weights: (r) => r === null,
  finish: (r) =>
    isBag(r) &&
    isCount(r.maxLength) &&
    (r.activation === 'identity' || r.activation === 'sigmoid') &&
    isCount(r.memoryBytes),
  canaries: (r) => isBag(r) && r.logits instanceof Float32Array && r.logits.every(Number.isFinite),
  trust: (r) => r === null,
  run: (r) => isBag(r) && isMs(r.tokenizeMs) && isMs(r.scoreMs) && isCount(r.memoryBytes),
};

const isAdapter = (a: unknown): boolean =>
  isBag(a) &&
  [a.vendor, a.architecture, a.device, a.description].every((text) => typeof text === 'string') &&
  typeof a.software === 'boolean' &&
  typeof a.f16 === 'boolean';

const isPart = (p: unknown): boolean =>
  isBag(p) && p.scores instanceof Float32Array && [p.tokens, p.truncated, p.batches].every(isCount);

/** Whether the worker may act on a message. */
export function isToWorker(value: unknown): value is ToWorker {
  if (!isEnvelope(value) || typeof value.type !== 'string') return false;
  return Object.hasOwn(REQUEST_GUARDS, value.type) && REQUEST_GUARDS[value.type as RequestType](value);
}

/** Whether the page may act on a message. What `result` carries is judged by `isResult`. */
export function isToPage(value: unknown): value is ToPage {
  if (!isEnvelope(value)) return false;
  if (value.type === 'result') return 'value' in value;
  if (value.type === 'part') return isPart(value.part);
  return (value.type === 'error' || value.type === 'fatal') && isWireError(value.error);
}

/** Whether a value answers a request of this type. */
export function isResult<T extends RequestType>(type: T, value: unknown): value is Results[T] {
  return RESULT_GUARDS[type](value);
}
