// The wasm module as the worker uses it: load, build a model from bytes, score pairs. Runs inside the worker only.
// Not here: messages (serve.ts), which binary (glue.ts), what is asked of a GPU beside (gpu.ts), the model (src/).

import { release } from './assets/streams.js';
import { EngineBroken } from './broken.js';
import { CrossrankError, describe, fromWire, isWireError } from './errors.js';
import { type Glue, type Job, loadGlue, type ModelLoader, type Session } from './glue.js';
import { Gpu, PATIENCE, type Patience } from './gpu.js';
import type { DeviceKind, Part, Precision, Requests, Results } from './protocol.js';
import type { Turn } from './queue.js';
import { bestSimd, type Simd } from './simd.js';

/** Characters of the pairs that are scored before a part is sent, if parts are wanted early: about one batch. */
const EARLY_PART_CHARS: Readonly<Record<DeviceKind, number>> = { cpu: 1500, webgpu: 24_000 };

/** Bytes of weights that are copied into wasm memory at once. */
const PIECE_BYTES = 256 * 1024;

/** What the worker serves. The one below is real; tests put another in its place. */
export interface Engine {
  start(device: DeviceKind, wasmUrl: string | null): Promise<Results['start']>;
  model(config: ArrayBuffer, tokenizer: ArrayBuffer, precision: Precision): void;
  weights(bytes: ArrayBuffer): void;
  finish(): Results['finish'];
  canaries(): Promise<Float32Array<ArrayBuffer>>;
  trust(expected: Float32Array): Promise<void>;
  run(request: Requests['run'], turn: Turn, onPart: (part: Part) => void): Promise<Results['run']>;
}

export class WasmEngine implements Engine {
  readonly #simd: Simd;
  readonly #patience: Patience;
  #glue: Glue | undefined;
  #gpu: Gpu | undefined;
  #loader: ModelLoader | undefined;
  #session: Session | undefined;
  /** Values of an attention head of the model. */
  #head: number | undefined;

  /** `simd` chooses the binary for the CPU. Default: the best that this browser runs. `patience`: with the GPU. */
  constructor(simd: Simd = bestSimd() ?? 'simd128', patience: Patience = PATIENCE) {
    this.#simd = simd;
    this.#patience = patience;
  }

  async start(device: DeviceKind, wasmUrl: string | null): Promise<Results['start']> {
    const binary = device === 'webgpu' ? device : this.#simd;
    if (this.#glue === undefined) {
      const glue = await loadGlue(binary, wasmUrl);
      if (device === 'webgpu') this.#gpu = await Gpu.open(glue, this.#patience);
      this.#glue = glue;
    }
    return { binary };
  }

  model(config: ArrayBuffer, tokenizer: ArrayBuffer, precision: Precision): void {
    const { ModelLoader } = present(this.#glue, 'start');
    const files = [new Uint8Array(config), new Uint8Array(tokenizer)] as const;
    this.#loader = guardModel(() => new ModelLoader(...files, precision));
    this.#head = headOf(config);
  }

  weights(bytes: ArrayBuffer): void {
    const loader = present(this.#loader, 'model');
    // In pieces, because each is copied into wasm memory, which never shrinks.
    for (let start = 0; start < bytes.byteLength; start += PIECE_BYTES) {
      const piece = new Uint8Array(bytes, start, Math.min(PIECE_BYTES, bytes.byteLength - start));
      guardModel(() => loader.push(piece));
    }
    release(new Uint8Array(bytes));
  }

  finish(): Results['finish'] {
    const loader = present(this.#loader, 'model');
    this.#loader = undefined; // `finish` consumes it
    const session = guardModel(() => loader.finish());
    this.#session = session;
    const activation = session.default_activation === 'sigmoid' ? 'sigmoid' : 'identity';
    return { maxLength: session.max_length, activation, memoryBytes: session.memory_bytes };
  }

  async canaries(): Promise<Float32Array<ArrayBuffer>> {
    const session = present(this.#session, 'finish');
    if (session.canaries === undefined) throw wrongBinary('canaries');
    return new Float32Array(await session.canaries().catch(rethrowRun));
  }

  async trust(expected: Float32Array): Promise<void> {
    const session = present(this.#session, 'finish');
    await this.#gpu?.prove(this.#head, session.int4_words);
    guardRun(() => {
      if (session.useCanaries === undefined) throw wrongBinary('trust');
      session.useCanaries(expected);
    });
  }

  async run(request: Requests['run'], turn: Turn, onPart: (part: Part) => void): Promise<Results['run']> {
    const session = present(this.#session, 'finish');
    let [tokenizeMs, scoreMs] = [0, 0];
    // An engine's job gives its scores at its end only. So pairs whose scores are wanted early are several jobs.
    const chars = EARLY_PART_CHARS[this.#gpu === undefined ? 'cpu' : 'webgpu'];
    const limit = request.early ? chars : Number.POSITIVE_INFINITY;
    for (const pairs of pieces(request.pairs, limit)) {
      const begun = performance.now();
      const job = guardRun(() => session.begin(pairs, request.maxLength));
      const tokenized = performance.now();
      onPart(await runJob(job, request.activation, turn, (scored) => this.#step(job, scored)));
      tokenizeMs += tokenized - begun;
      scoreMs += performance.now() - tokenized;
    }
    return { tokenizeMs, scoreMs, memoryBytes: session.memory_bytes };
  }

  #step(job: Job, scored: number): Promise<number> {
    return this.#gpu === undefined ? job.step().catch(rethrowRun) : this.#gpu.step(job, scored);
  }
}

/** Runs a job to its end and frees it. */
async function runJob(
  job: Job,
  activation: string,
  turn: Turn,
  step: (scored: number) => Promise<number>,
): Promise<Part> {
  let broken = false;
  try {
    for (let scored = 0; scored < job.pairs; ) {
      await turn.between();
      const next = await step(scored);
      if (next <= scored) throw new CrossrankError('INTERNAL', 'A batch scored no pair. Please report it.');
      scored = next;
    }
    const scores = new Float32Array(guardRun(() => job.scores(activation)));
    return { scores, tokens: job.tokens, truncated: job.truncated, batches: job.batches };
  } catch (error) {
    broken = error instanceof EngineBroken;
    throw error;
  } finally {
    // A broken instance must not be called again, not even to free.
    if (!broken) job.free();
  }
}

/** What a config, of which the loader has approved, says of the size of its attention heads. */
function headOf(config: ArrayBuffer): number | undefined {
  const { hidden_size: hidden, num_attention_heads: heads } = JSON.parse(new TextDecoder().decode(config));
  const head = Number(hidden) / Number(heads);
  return Number.isSafeInteger(head) ? head : undefined;
}

/** Cuts flat pairs into runs of neighbours of at most `limit` characters; a pair alone may have more. */
export function pieces(pairs: readonly string[], limit: number): string[][] {
  const all: string[][] = [];
  let room = -1;
  for (let i = 0; i < pairs.length; i += 2) {
    const pair = pairs.slice(i, i + 2);
    const chars = pair.reduce((sum, text) => sum + text.length, 0);
    if (room < chars) {
      all.push([]);
      room = limit;
    }
    all.at(-1)?.push(...pair);
    room -= chars;
  }
  return all;
}

function present<T>(value: T | undefined, step: string): T {
  if (value === undefined)
    throw new CrossrankError('INTERNAL', `The worker was used before \`${step}\`. Please report it.`);
  return value;
}

const wrongBinary = (step: string) =>
  new CrossrankError('INTERNAL', `The binary of this worker has no \`${step}\`. Please report it.`);

/** Errors as data are ours; anything else that leaves wasm is a trap. */
function translate(error: unknown, trapped: (what: string) => CrossrankError): never {
  if (isWireError(error)) throw fromWire(error);
  if (error instanceof CrossrankError) throw error;
  throw new EngineBroken(trapped(describe(error)));
}

const modelTrap = (what: string) =>
  new CrossrankError(
    'MODEL_INVALID',
    `The engine broke while it read the model (${what}). The model is damaged, of an unknown kind, or too large for ` +
      'this device. Check its files.',
  );

const runTrap = (what: string) =>
  new CrossrankError(
    'WORKER_LOST',
    `The engine broke in the middle of a call (${what}). It ran out of memory or has a bug. ` +
      'The next call starts a fresh one; send fewer or shorter documents if it happens again.',
  );

function guardModel<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    return translate(error, modelTrap);
  }
}

function guardRun<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    return rethrowRun(error);
  }
}

function rethrowRun(error: unknown): never {
  return translate(error, runTrap);
}
