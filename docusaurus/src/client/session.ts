// One reader at one search box: base results at once, the model's order where it comes in time and nobody's eyes,
// pointer or keys are on the list. No DOM and no React, so that tests can drive it; the views only draw what it says.

import type { Section } from '../shared/index-file.js';
import type { Model } from './rerank/model.js';
import type { Trigger } from './rerank/permission.js';
import { type Candidate, PATH_SEPARATOR, type SearchReranker } from './rerank/reranker.js';

export interface View {
  /** The query that the results belong to. */
  readonly query: string;
  readonly phase: 'empty' | 'searching' | 'done' | 'failed';
  readonly results: readonly Section[];
  readonly order: 'base' | 'reranked';
  /** Whether the model is reading for this query. */
  readonly reading: boolean;
  /** Whether the model's order is there but came too late to be shown unasked. */
  readonly better: boolean;
}

/** What a session works with. */
export interface Parts {
  /** The first stage, best first. Rejects when there is no index. */
  readonly search: (query: string, limit: number) => Promise<readonly { section: Section; score: number }[]>;
  readonly reranker: Pick<SearchReranker, 'isWorthIt' | 'base' | 'known' | 'order' | 'cancel'>;
  readonly model: Pick<Model, 'forgive' | 'load' | 'engine'>;
  /** Whether the model may be brought on such an occasion. */
  readonly mayLoad: (trigger: Trigger) => boolean;
  /** Rows shown. */
  readonly results: number;
  /** Most candidates the first stage gives to the model. */
  readonly candidates: number;
  readonly budgetMs: number;
}

/** The reader's pause after which the model begins to read, in milliseconds. */
const PAUSE_MS = 120;

const EMPTY: View = {
  query: '',
  phase: 'empty',
  results: [],
  order: 'base',
  reading: false,
  better: false,
};

export class SearchSession {
  #view: View = EMPTY;
  #latest = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #held = false;
  /** When the base results of the query were shown, in milliseconds of the page's clock. */
  #shownAt = 0;
  #submitted = false;
  #found: readonly Section[] = [];
  #candidates: readonly Candidate[] = [];
  #better: readonly number[] | undefined;
  readonly #listeners = new Set<() => void>();
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  view = (): View => this.#view;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** The reader has come to the search box: the index is fetched, and the model if it may be. */
  async start(): Promise<void> {
    const { model, search } = this.#parts;
    model.forgive();
    try {
      await search('', 1);
    } catch {
      // The search that follows says so.
    }
    // After the index, so that the base results do not wait for the model's megabytes.
    if (this.#mayLoad()) void model.load();
  }

  /** The reader has typed. */
  async search(query: string): Promise<void> {
    this.#latest += 1;
    const id = this.#latest;
    clearTimeout(this.#pause);
    const { reranker } = this.#parts;
    reranker.cancel();
    this.#better = undefined;
    if (query.trim() === '') {
      this.#found = [];
      this.#candidates = [];
      return this.#set(EMPTY);
    }
    if (this.#view.phase !== 'done') this.#set({ ...EMPTY, query, phase: 'searching' });
    try {
      const limit = Math.max(this.#parts.candidates, this.#parts.results);
      const found = await this.#parts.search(query, limit);
      if (id !== this.#latest) return;
      this.#found = found.map(({ section }) => section);
      this.#candidates = found.map(({ section, score }) => candidateOf(section, score));
    } catch (error) {
      if (id !== this.#latest) return;
      console.warn(`crossrank: the search index could not be read. ${String(error)}`);
      return this.#set({ ...EMPTY, query, phase: 'failed' });
    }
    const known = reranker.known(query, this.#candidates);
    this.#show(known ?? reranker.base(this.#candidates), known === undefined ? 'base' : 'reranked', query);
    this.#shownAt = performance.now();
    if (known === undefined && this.#mayRead()) this.#pause = setTimeout(() => void this.#read(id), PAUSE_MS);
  }

  /** The reader asks for the model's order, download or not. */
  submit(): void {
    this.#submitted = true;
    if (!this.#mayLoad()) return;
    this.#parts.model.forgive();
    void this.#parts.model.load();
    this.showBetter();
    if (this.#view.phase !== 'done' || this.#view.order === 'reranked') return;
    clearTimeout(this.#pause);
    if (this.#mayRead()) void this.#read(this.#latest);
  }

  /** Whether pointer or focus is on the list, so that nothing may move there. */
  hold(held: boolean): void {
    this.#held = held;
  }

  /** Shows the order that came too late, because the reader wants it. */
  showBetter(): void {
    if (this.#better !== undefined) this.#show(this.#better, 'reranked', this.#view.query);
  }

  /** The reader has gone. What is being read goes on: its scores are there when the reader comes back. */
  stop(): void {
    clearTimeout(this.#pause);
  }

  async #read(id: number): Promise<void> {
    this.#set({ ...this.#view, reading: true });
    const order = await this.#parts.reranker.order(this.#view.query, this.#candidates);
    if (id !== this.#latest) return;
    if (order === undefined) return this.#set({ ...this.#view, reading: false });
    const inTime = performance.now() - this.#shownAt <= this.#parts.budgetMs || this.#submitted;
    const moves = order
      .slice(0, this.#parts.results)
      .some((place, i) => this.#found[place] !== this.#view.results[i]);
    if (!moves || (inTime && !this.#held)) return this.#show(order, 'reranked', this.#view.query);
    this.#better = order;
    this.#set({ ...this.#view, reading: false, better: true });
  }

  #mayLoad(): boolean {
    return this.#parts.mayLoad(this.#submitted ? 'submit' : 'focus');
  }

  #mayRead(): boolean {
    const { reranker, model } = this.#parts;
    if (!reranker.isWorthIt(this.#view.query, this.#candidates)) return false;
    return this.#mayLoad() || model.engine !== undefined;
  }

  #show(order: readonly number[], kind: View['order'], query: string): void {
    this.#better = undefined;
    const results = order.slice(0, this.#parts.results).flatMap((place) => this.#found[place] ?? []);
    this.#set({ query, phase: 'done', results, order: kind, reading: false, better: false });
  }

  #set(view: View): void {
    this.#view = view;
    for (const listener of this.#listeners) listener();
  }
}

/** A section as the reranker takes it. */
function candidateOf({ page, headings, text, url }: Section, score: number): Candidate {
  return { title: page, heading: headings.join(PATH_SEPARATOR), text, url, score };
}
