// Loads the model for the page and keeps trying when asked to. It knows nothing of the page: what happens is told
// to a listener. One load at a time; a failed one leaves nothing behind, and neither does one that is not wanted any
// more because the settings have changed.

import { type LoadOptions, type LoadProgress, Reranker } from 'crossrank';
import manifest from 'crossrank-model-code/manifest.json';

export type ModelState =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'loading'; readonly progress: LoadProgress | undefined }
  | { readonly kind: 'ready'; readonly reranker: Reranker; readonly seconds: number }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

/** Bytes of the default model, said before anything is fetched. */
export const MODEL_BYTES = manifest.config.bytes + manifest.tokenizer.bytes + manifest.weights.bytes;

/** What the page lets its visitor choose of the load. */
export type Settings = Pick<LoadOptions, 'workers' | 'device'>;

export class Model {
  #state: ModelState = { kind: 'waiting' };
  #settings: Settings = {};
  #current: AbortController | undefined;

  constructor(private readonly changed: (state: ModelState) => void) {}

  get state(): ModelState {
    return this.#state;
  }

  /** Starts a load unless one runs or has succeeded. */
  async load(): Promise<void> {
    if (this.#state.kind === 'loading' || this.#state.kind === 'ready') return;
    const start = performance.now();
    const current = new AbortController();
    this.#current = current;
    let settled = false;
    this.#set({ kind: 'loading', progress: undefined });
    try {
      const reranker = await Reranker.load({
        ...this.#settings,
        signal: current.signal,
        onProgress: (progress) => {
          // Downloads beside the one that failed may still tell of theirs.
          if (!settled && !current.signal.aborted) this.#set({ kind: 'loading', progress });
        },
      });
      settled = true;
      if (current.signal.aborted) return void reranker.dispose();
      const ready: ModelState = { kind: 'ready', reranker, seconds: (performance.now() - start) / 1000 };
      reranker.addEventListener('devicechange', () => {
        if (!current.signal.aborted) this.#set(ready);
      });
      this.#set(ready);
    } catch (error) {
      settled = true;
      if (!current.signal.aborted) this.#set({ kind: 'failed', ...describe(error) });
    }
  }

  /** Takes other settings; a model that is there or under way is loaded anew with them. */
  async change(settings: Settings): Promise<void> {
    this.#settings = settings;
    const before = this.#state;
    if (before.kind === 'waiting') return;
    this.#current?.abort();
    this.#set({ kind: 'waiting' });
    if (before.kind === 'ready') await before.reranker.dispose();
    await this.load();
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
