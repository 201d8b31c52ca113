// Loads the model for the page and keeps trying when asked to. It knows nothing of the page: what happens is told
// to a listener. One load at a time; a failed one leaves nothing behind.

import { type LoadProgress, Reranker } from 'crossrank';
import manifest from 'crossrank/model/manifest.json';

export type ModelState =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'loading'; readonly progress: LoadProgress | undefined }
  | { readonly kind: 'ready'; readonly reranker: Reranker; readonly seconds: number }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

/** Bytes of the default model, said before anything is fetched. */
export const MODEL_BYTES = manifest.config.bytes + manifest.tokenizer.bytes + manifest.weights.bytes;

/** Where the model may run: the library's choice, or one of the two. */
export type Device = 'auto' | 'cpu' | 'webgpu';

export class Model {
  #state: ModelState = { kind: 'waiting' };
  #device: Device = 'auto';
  #load: AbortController | undefined;

  constructor(private readonly changed: (state: ModelState) => void) {}

  get state(): ModelState {
    return this.#state;
  }

  /** Starts a load unless one runs or has succeeded. */
  async load(): Promise<void> {
    if (this.#state.kind === 'loading' || this.#state.kind === 'ready') return;
    const start = performance.now();
    const load = new AbortController();
    this.#load = load;
    // Downloads beside one that failed, and a load that another has replaced, may still tell of theirs.
    const tell = (state: ModelState) => {
      if (this.#load === load) this.#set(state);
    };
    tell({ kind: 'loading', progress: undefined });
    try {
      const reranker = await Reranker.load({
        device: this.#device,
        signal: load.signal,
        onProgress: (progress) => tell({ kind: 'loading', progress }),
      });
      if (this.#load !== load) return await reranker.dispose();
      const ready: ModelState = { kind: 'ready', reranker, seconds: (performance.now() - start) / 1000 };
      reranker.addEventListener('devicechange', () => tell(ready));
      tell(ready);
    } catch (error) {
      tell({ kind: 'failed', ...describe(error) });
    }
  }

  /** Loads the model anew for another device, if it was loaded or is to be. */
  async use(device: Device): Promise<void> {
    if (device === this.#device) return;
    this.#device = device;
    const { kind } = this.#state;
    if (this.#state.kind === 'ready') void this.#state.reranker.dispose();
    this.#load?.abort();
    this.#load = undefined;
    this.#state = { kind: 'waiting' };
    if (kind !== 'waiting') await this.load();
  }

  #set(state: ModelState): void {
    this.#state = state;
    this.changed(state);
  }
}

/** Code and message of anything thrown. */
export function describe(error: unknown): { code: string; message: string } {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'INTERNAL';
  return { code, message };
}

/** Whether the visitor asked to be spared large downloads. */
export function savesData(): boolean {
  const connection = (navigator as Navigator & { connection?: { saveData?: boolean } }).connection;
  return connection?.saveData === true || matchMedia('(prefers-reduced-data: reduce)').matches;
}
