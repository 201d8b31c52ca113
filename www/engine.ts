// The wasm module as the worker uses it: load, build a model from bytes, score pairs. Runs inside the worker only.
// Not here: messages (serve.ts), the model itself (src/).

import { HtmlError, HttpError } from './assets/download.js';
import { release } from './assets/streams.js';
import { CrossrankError, describe, fromWire, isWireError } from './errors.js';
import type { Part, Precision, Requests, Results } from './protocol.js';
import type { Turn } from './queue.js';
import { bestSimd, type Simd } from './simd.js';
import type { Job, ModelLoader, Session } from './wasm/crossrank_cpu.js';

type Glue = typeof import('./wasm/crossrank_cpu.js');

/** Characters of the pairs that are scored before a part is sent, if parts are wanted early: about one batch. */
const EARLY_PART_CHARS = 1500;

/** Bytes of weights that are copied into wasm memory at once. */
const PIECE_BYTES = 256 * 1024;

/** What the worker serves. The one below is real; tests put another in its place. */
export interface Engine {
  start(wasmUrl: string | null): Promise<Results['start']>;
  model(config: ArrayBuffer, tokenizer: ArrayBuffer, precision: Precision): void;
  weights(bytes: ArrayBuffer): void;
  finish(): Results['finish'];
  run(request: Requests['run'], turn: Turn, onPart: (part: Part) => void): Promise<Results['run']>;
}

/** The wasm instance broke: its memory is in an unknown state, so nothing may be asked of it any more. */
export class EngineBroken extends Error {
  readonly error: CrossrankError;
  constructor(error: CrossrankError) {
    super(error.message);
    this.error = error;
  }
}

export class WasmEngine implements Engine {
  readonly #simd: Simd;
  #glue: Glue | undefined;
  #loader: ModelLoader | undefined;
  #session: Session | undefined;

  /** `simd` chooses the binary. Default: the best that this browser runs. */
  constructor(simd: Simd = bestSimd() ?? 'simd128') {
    this.#simd = simd;
  }

  async start(wasmUrl: string | null): Promise<Results['start']> {
    this.#glue ??= await loadGlue(this.#simd, wasmUrl);
    return { simd: this.#simd };
  }

  model(config: ArrayBuffer, tokenizer: ArrayBuffer, precision: Precision): void {
    const { ModelLoader } = present(this.#glue, 'start');
    const files = [new Uint8Array(config), new Uint8Array(tokenizer)] as const;
    this.#loader = guardModel(() => new ModelLoader(...files, precision));
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

  async run(request: Requests['run'], turn: Turn, onPart: (part: Part) => void): Promise<Results['run']> {
    const session = present(this.#session, 'finish');
    let [tokenizeMs, scoreMs] = [0, 0];
    // An engine's job gives its scores at its end only. So pairs whose scores are wanted early are several jobs.
    const limit = request.early ? EARLY_PART_CHARS : Number.POSITIVE_INFINITY;
    for (const pairs of pieces(request.pairs, limit)) {
      const begun = performance.now();
      const job = guardRun(() => session.begin(pairs, request.maxLength));
      const tokenized = performance.now();
      onPart(await runJob(job, request.activation, turn));
      tokenizeMs += tokenized - begun;
      scoreMs += performance.now() - tokenized;
    }
    return { tokenizeMs, scoreMs, memoryBytes: session.memory_bytes };
  }
}

/** Runs a job to its end and frees it. */
async function runJob(job: Job, activation: string, turn: Turn): Promise<Part> {
  let broken = false;
  try {
    for (let scored = 0; scored < job.pairs; ) {
      await turn.between();
      const next = await job.step().catch(rethrowRun);
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

/** The two binaries. Bundlers look for the literals: of the imports, and of the URLs to emit the files. */
const BINARIES: Readonly<Record<Simd, { glue(): Promise<unknown>; url(): URL }>> = {
  relaxed: {
    glue: () => import('./wasm/crossrank_cpu_relaxed.js'),
    url: () => new URL('./wasm/crossrank_cpu_relaxed_bg.wasm', import.meta.url),
  },
  simd128: {
    glue: () => import('./wasm/crossrank_cpu.js'),
    url: () => new URL('./wasm/crossrank_cpu_bg.wasm', import.meta.url),
  },
};

/** The names of the binaries in a folder that `wasmUrl` names. */
const FILES: Readonly<Record<Simd, string>> = {
  relaxed: 'crossrank_cpu_relaxed_bg.wasm',
  simd128: 'crossrank_cpu_bg.wasm',
};

async function loadGlue(simd: Simd, folder: string | null): Promise<Glue> {
  const binary = BINARIES[simd];
  let glue: Glue;
  try {
    // One source, two builds: the glue of both has the same classes.
    glue = (await binary.glue()) as Glue;
  } catch (cause) {
    throw new CrossrankError(
      'WORKER_START',
      `The wasm glue could not be loaded (${describe(cause)}). It lies beside the worker script in wasm/. ` +
        'Check that your bundler or host serves it.',
      { cause },
    );
  }
  const url = folder === null ? binary.url() : new URL(FILES[simd], folder);
  await glue.default({ module_or_path: await compile(url.href) });
  return glue;
}

async function compile(url: string): Promise<WebAssembly.Module> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (cause) {
    throw new CrossrankError(
      'NETWORK',
      `${url} could not be fetched (${describe(cause)}). The connection is down or connect-src forbids it. Try again.`,
      { cause },
    );
  }
  if (!response.ok) throw new HttpError(url, response.status);
  const type = response.headers.get('content-type') ?? '';
  if (/^text\/html\b/i.test(type)) throw new HtmlError(url);
  try {
    // Compiling while it arrives works only under the right MIME type; hosts that send another one are served too.
    if (/^application\/wasm\b/i.test(type)) return await WebAssembly.compileStreaming(response);
    return await WebAssembly.compile(await response.arrayBuffer());
  } catch (cause) {
    throw new CrossrankError(
      'UNSUPPORTED',
      `The wasm module did not compile (${describe(cause)}). The Content-Security-Policy lacks 'wasm-unsafe-eval' in ` +
        'script-src, the file is damaged, or the browser lacks WebAssembly SIMD. Check these three.',
      { cause },
    );
  }
}
