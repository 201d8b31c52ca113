// The wasm module as the worker uses it: load, build a model from bytes, score pairs. Runs inside the worker only.
// Not here: messages (serve.ts), the model itself (src/).

import { HtmlError, HttpError } from './assets/download.js';
import { CrossrankError, describe, fromWire, isWireError } from './errors.js';
import type { Requests, Results } from './protocol.js';
import type { Turn } from './queue.js';
import type { ModelLoader, Session } from './wasm/crossrank_cpu.js';

type Glue = typeof import('./wasm/crossrank_cpu.js');

/** What the worker serves. The one below is real; tests put another in its place. */
export interface Engine {
  start(wasmUrl: string | null): Promise<void>;
  model(config: ArrayBuffer, tokenizer: ArrayBuffer): void;
  weights(bytes: ArrayBuffer): void;
  finish(): Results['finish'];
  run(request: Requests['run'], turn: Turn): Promise<Results['run']>;
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
  #glue: Glue | undefined;
  #loader: ModelLoader | undefined;
  #session: Session | undefined;

  async start(wasmUrl: string | null): Promise<void> {
    this.#glue ??= await loadGlue(wasmUrl);
  }

  model(config: ArrayBuffer, tokenizer: ArrayBuffer): void {
    const { ModelLoader } = present(this.#glue, 'start');
    this.#loader = guardModel(() => new ModelLoader(new Uint8Array(config), new Uint8Array(tokenizer), ''));
  }

  weights(bytes: ArrayBuffer): void {
    const loader = present(this.#loader, 'model');
    guardModel(() => loader.push(new Uint8Array(bytes)));
  }

  finish(): Results['finish'] {
    const loader = present(this.#loader, 'model');
    this.#loader = undefined; // `finish` consumes it
    const session = guardModel(() => loader.finish());
    this.#session = session;
    const activation = session.default_activation === 'sigmoid' ? 'sigmoid' : 'identity';
    return { maxLength: session.max_length, activation, memoryBytes: session.memory_bytes };
  }

  async run(request: Requests['run'], turn: Turn): Promise<Results['run']> {
    const session = present(this.#session, 'finish');
    const begun = performance.now();
    const job = guardRun(() => session.begin([...request.pairs], request.maxLength));
    const tokenized = performance.now();
    let broken = false;
    try {
      for (let scored = 0; scored < job.pairs; ) {
        await turn.between();
        const next = await job.step().catch(rethrowRun);
        if (next <= scored) throw new CrossrankError('INTERNAL', 'A batch scored no pair. Please report it.');
        scored = next;
      }
      const scores = guardRun(() => job.scores(request.activation));
      const order =
        request.topK === null ? null : guardRun(() => job.order(request.activation, request.topK ?? 0));
      return {
        scores: new Float32Array(scores),
        order: order === null ? null : new Uint32Array(order),
        tokens: job.tokens,
        truncated: job.truncated,
        batches: job.batches,
        tokenizeMs: tokenized - begun,
        scoreMs: performance.now() - tokenized,
        memoryBytes: session.memory_bytes,
      };
    } catch (error) {
      broken = error instanceof EngineBroken;
      throw error;
    } finally {
      // A broken instance must not be called again, not even to free.
      if (!broken) job.free();
    }
  }
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

async function loadGlue(wasmUrl: string | null): Promise<Glue> {
  let glue: Glue;
  try {
    glue = await import('./wasm/crossrank_cpu.js');
  } catch (cause) {
    throw new CrossrankError(
      'WORKER_START',
      `The wasm glue could not be loaded (${describe(cause)}). It lies beside the worker script in wasm/. ` +
        'Check that your bundler or host serves it.',
      { cause },
    );
  }
  // The literal is what bundlers look for to emit the file.
  const url = wasmUrl ?? new URL('./wasm/crossrank_cpu_bg.wasm', import.meta.url).href;
  await glue.default({ module_or_path: await compile(url) });
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
