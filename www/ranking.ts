// One `rank` call without its running: which pairs the model reads, and what its scores make of the documents.
// Pure. Reranker makes one for each call and asks it for results as scores arrive.

import { baseOrder, blendScores } from './blend.js';
import type { RankOptions } from './options.js';
import { order, UNSCORED } from './order.js';
import { documentText } from './text.js';

/** A document in its place. */
export interface Ranked<T> {
  /** Where it was in the documents that were passed. */
  readonly index: number;
  /** Comparable within one query only. NaN if the model did not score it. */
  readonly score: number;
  /** Whether the model scored it: false only for what `budgetMs` or `blend.topN` left out. */
  readonly scored: boolean;
  /** The very object that was passed. */
  readonly document: T;
}

export class Ranking<T> {
  /** What the model reads: query, document, query, document, … */
  readonly pairs: readonly string[];

  readonly #documents: readonly T[];
  readonly #options: RankOptions<T>;
  /** Indexes of the documents that the model reads, and of those that it does not, in base order. */
  readonly #head: readonly number[];
  readonly #tail: readonly number[];
  readonly #headBase: readonly number[];

  constructor(query: string, documents: readonly T[], options: RankOptions<T>) {
    const { blend, text } = options;
    this.#documents = documents;
    this.#options = options;
    const places = blend === undefined ? [...documents.keys()] : baseOrder(blend.base);
    const size = blend?.topN ?? places.length;
    [this.#head, this.#tail] = [places.slice(0, size), places.slice(size)];
    this.#headBase = this.#head.map((index) => blend?.base[index] ?? 0);
    this.pairs = this.#head.flatMap((index) => [query, documentText(documents[index] as T, index, text)]);
  }

  /** What is scored so far, best first. `scores` are those of the pairs; NaN where there is none yet. */
  scored(scores: Float32Array): Ranked<T>[] {
    return this.#cut(this.#best(scores));
  }

  /** The whole order: what is scored, best first, and then the rest in base order. */
  all(scores: Float32Array): Ranked<T>[] {
    const left = this.#head.filter((_, place) => Number.isNaN(scores[place]));
    const rest = [...left, ...this.#tail].map((index) => this.#ranked(index, UNSCORED));
    return this.#cut([...this.#best(scores), ...rest]);
  }

  #best(scores: Float32Array): Ranked<T>[] {
    const { blend } = this.#options;
    const final = blend === undefined ? scores : blendScores(scores, this.#headBase, blend);
    return order(final).map((place) => this.#ranked(this.#head[place] as number, final[place] as number));
  }

  #ranked(index: number, score: number): Ranked<T> {
    return { index, score, scored: !Number.isNaN(score), document: this.#documents[index] as T };
  }

  #cut(results: Ranked<T>[]): Ranked<T>[] {
    return results.slice(0, this.#options.topK);
  }
}
