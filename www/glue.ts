// The wasm binaries and their glue: fetches, compiles and initialises the one that is asked for, and no other.
// Runs inside the worker; engine.ts calls it.

import { HtmlError, HttpError } from './assets/download.js';
import { CrossrankError, describe } from './errors.js';
import type { Precision } from './protocol.js';
import type { Simd } from './simd.js';

/** Which binary: one of the two for the CPU, or the one for WebGPU. */
export type Binary = Simd | 'webgpu';

/** What all binaries export. The generated types leave open what their promises give. */
export interface Glue {
  default(init: { module_or_path: WebAssembly.Module }): Promise<unknown>;
  readonly ModelLoader: new (config: Uint8Array, tokenizer: Uint8Array, precision: Precision) => ModelLoader;
}

/** What the binary for WebGPU exports beside that. */
export interface GpuGlue extends Glue {
  /** Adapter and device; before the first `ModelLoader`. */
  openDevice(): Promise<unknown>;
  /** The first loss or uncaptured error of the device. */
  deviceError(): string | undefined;
  /** The kernel forms that a model uses on small inputs, against what they must give. */
  knownAnswers(head: number | undefined, int4Words: boolean): Promise<readonly KnownAnswer[]>;
}

export interface KnownAnswer {
  readonly kernel: string;
  readonly error: number;
  readonly tolerance: number;
  readonly ok: boolean;
}

export interface ModelLoader {
  push(bytes: Uint8Array): void;
  finish(): Session;
}

export interface Session {
  readonly max_length: number;
  readonly default_activation: string;
  readonly memory_bytes: number;
  /** Whether the table of words is in 4 bits. */
  readonly int4_words: boolean;
  begin(pairs: string[], maxLength: number): Job;
  /** On the CPU: the logits of the two canary pairs. */
  canaries?(): Promise<Float32Array>;
  /** On the GPU: from now on each batch carries canaries, and they must have these logits. */
  useCanaries?(expected: Float32Array): void;
}

export interface Job {
  readonly pairs: number;
  readonly tokens: number;
  readonly truncated: number;
  readonly batches: number;
  /** Runs one batch; gives the number of pairs scored so far. */
  step(): Promise<number>;
  scores(activation: string): Float32Array;
  free(): void;
}

/** Bundlers look for the literals: of the imports, and of the URLs to emit the files. */
const BINARIES: Readonly<Record<Binary, { glue(): Promise<unknown>; url(): URL }>> = {
  relaxed: {
    glue: () => import('./wasm/crossrank_cpu_relaxed.js'),
    url: () => new URL('./wasm/crossrank_cpu_relaxed_bg.wasm', import.meta.url),
  },
  simd128: {
    glue: () => import('./wasm/crossrank_cpu.js'),
    url: () => new URL('./wasm/crossrank_cpu_bg.wasm', import.meta.url),
  },
  webgpu: {
    glue: () => import('./wasm/crossrank_webgpu.js'),
    url: () => new URL('./wasm/crossrank_webgpu_bg.wasm', import.meta.url),
  },
};

/** The names of the binaries in a folder that `wasmUrl` names. */
const FILES: Readonly<Record<Binary, string>> = {
  relaxed: 'crossrank_cpu_relaxed_bg.wasm',
  simd128: 'crossrank_cpu_bg.wasm',
  webgpu: 'crossrank_webgpu_bg.wasm',
};

/** Loads a binary; `folder` is where it lies if not in wasm/ beside the worker script. */
export async function loadGlue(name: Binary, folder: string | null): Promise<Glue> {
  const binary = BINARIES[name];
  const url = folder === null ? binary.url() : new URL(FILES[name], folder);
  // Both at once: the binary is the longer way.
  const compiled = compile(url.href);
  compiled.catch(() => {});
  const glue = await importGlue(binary.glue);
  await glue.default({ module_or_path: await compiled });
  return glue;
}

async function importGlue(load: () => Promise<unknown>): Promise<Glue> {
  try {
    // One source, three builds: the glue of all has the same classes.
    return (await load()) as Glue;
  } catch (cause) {
    throw new CrossrankError(
      'WORKER_START',
      `The wasm glue could not be loaded (${describe(cause)}). It lies beside the worker script in wasm/. ` +
        'Check that your bundler or host serves it.',
      { cause },
    );
  }
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
