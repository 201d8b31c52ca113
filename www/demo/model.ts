// Loads the model for the page and keeps trying when asked to. It knows nothing of the page: what happens is told
// to a listener. One load at a time; a failed one leaves nothing behind.

import { type LoadProgress, Reranker } from 'crossrank';
import manifest from 'crossrank-model-code/manifest.json';

export type ModelState =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'loading'; readonly progress: LoadProgress | undefined }
  | { readonly kind: 'ready'; readonly reranker: Reranker; readonly seconds: number }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

/** Bytes of the default model, said before anything is fetched. */
export const MODEL_BYTES = manifest.config.bytes + manifest.tokenizer.bytes + manifest.weights.bytes;

export class Model {
  #state: ModelState = { kind: 'waiting' };

  constructor(private readonly changed: (state: ModelState) => void) {}

  get state(): ModelState {
    return this.#state;
  }

  /** Starts a load unless one runs or has succeeded. */
  async load(): Promise<void> {
    if (this.#state.kind === 'loading' || this.#state.kind === 'ready') return;
    const start = performance.now();
    let settled = false;
    this.#set({ kind: 'loading', progress: undefined });
    try {
      const reranker = await Reranker.load({
        onProgress: (progress) => {
          // Downloads beside the one that failed may still tell of theirs.
          if (!settled) this.#set({ kind: 'loading', progress });
        },
      });
      settled = true;
      this.#set({ kind: 'ready', reranker, seconds: (performance.now() - start) / 1000 });
    } catch (error) {
      settled = true;
      this.#set({ kind: 'failed', ...describe(error) });
    }
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
