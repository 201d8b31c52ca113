// The model of the page: brought once, when somebody asks for it, and told of to whoever listens. A failure never
// leaves here as an exception: it is a state, one line on the console, and the base order everywhere.

import type { LoadProgress, Reranker } from 'crossrank';

export type ModelState =
  /** Nobody has asked for it yet. */
  | { readonly kind: 'waiting' }
  /** `bytes` are those of the download; null when there is none, or none yet. */
  | { readonly kind: 'loading'; readonly bytes: { readonly loaded: number; readonly total: number } | null }
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly code: string };

/** What of crossrank is used; tests bring their own. */
export type Engine = Pick<Reranker, 'rank'>;
export type LoadEngine = (onProgress: (progress: LoadProgress) => void) => Promise<Engine>;

/** Failures that may be over when the reader comes back. */
const PASSING = new Set(['NETWORK', 'WORKER_LOST', 'BUSY']);

export class Model {
  #state: ModelState = { kind: 'waiting' };
  #engine: Engine | undefined;
  #loading: Promise<Engine | undefined> | undefined;
  #warned = false;
  readonly #listeners = new Set<() => void>();
  readonly #load: LoadEngine;

  constructor(load: LoadEngine) {
    this.#load = load;
  }

  state = (): ModelState => this.#state;

  /** The model, if it is there. */
  get engine(): Engine | undefined {
    return this.#engine;
  }

  /** Calls back at each change of state. Returns how to stop that. */
  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Brings the model, unless that was tried before. Never rejects. */
  load(): Promise<Engine | undefined> {
    this.#loading ??= this.#bring();
    return this.#loading;
  }

  /** Lets the next `load` try again what a lost connection may have spoilt: when the reader comes back. */
  forgive(): void {
    if (this.#state.kind !== 'failed' || !PASSING.has(this.#state.code)) return;
    if (this.#engine === undefined) this.#loading = undefined;
    this.#set({ kind: this.#engine === undefined ? 'waiting' : 'ready' });
  }

  /** A failure that is no fault of the query. */
  fail(error: unknown): void {
    const code = codeOf(error);
    if (!this.#warned) {
      this.#warned = true;
      const message = error instanceof Error ? error.message : String(error);
      console.warn(`crossrank: search results stay in base order. ${code}: ${message}`);
    }
    this.#set({ kind: 'failed', code });
  }

  /** A failure that is over. */
  recover(): void {
    if (this.#engine !== undefined && this.#state.kind === 'failed') this.#set({ kind: 'ready' });
  }

  async #bring(): Promise<Engine | undefined> {
    this.#set({ kind: 'loading', bytes: null });
    try {
      this.#engine = await this.#load(({ phase, loaded, total }) => {
        if (this.#state.kind !== 'loading') return;
        const bytes = phase === 'download' && total !== null ? { loaded, total } : null;
        this.#set({ kind: 'loading', bytes });
      });
      this.#set({ kind: 'ready' });
      return this.#engine;
    } catch (error) {
      this.fail(error);
      return undefined;
    }
  }

  #set(state: ModelState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

/** The stable code of an error of crossrank; what else can go wrong is a chunk that cannot be fetched. */
function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'NETWORK';
}
