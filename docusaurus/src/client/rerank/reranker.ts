// Puts the candidates of a search in the model's order. The last query wins: a newer one ends the scoring of the one
// before. Scores are kept, so that what came too late for one view is there for the next. It never rejects.

import type { ClientOptions } from '../../shared/options.js';
import { passage } from '../search/segments.js';
import { fold } from '../search/terms.js';
import type { Engine, Model } from './model.js';
import { baseOrder, mixedOrder, type Scored } from './order.js';
import { normalise, Scores } from './scores.js';

/** A section that the first stage has found. */
export interface Candidate {
  /** Title of its page. */
  readonly title: string;
  /** Its own heading, with those above it before it; empty at the beginning of a page. */
  readonly heading: string;
  readonly text: string;
  /** Address on this site: an absolute path. */
  readonly url: string;
  /** The first stage's score, higher is better; without one, its place among the candidates tells. */
  readonly score?: number;
}

export type RerankSettings = Pick<
  ClientOptions,
  'candidates' | 'maxLength' | 'budgetMs' | 'blend' | 'boosts'
> & { readonly baseUrl: string };

/** Parts the headings that lead to a section. */
export const PATH_SEPARATOR = ' › ';

/** Shorter queries are left to the first stage. */
const SHORTEST_QUERY = 3;
/** As few candidates as the pace of a slow machine may leave. */
const FEWEST = 8;
/** Milliseconds for a candidate until the first call has shown: what a slow computer with one worker needs. */
const FIRST_PACE_MS = 40;
/** The share of the budget that is planned with. */
const PLANNED = 0.8;
/** What the share of the newest call is in the mean pace. */
const NEWEST = 0.5;
/** Characters of a section that the model is given, for each token that it may read. */
const CHARACTERS_PER_TOKEN = 4;

export class SearchReranker {
  readonly #settings: RerankSettings;
  readonly #model: Model;
  readonly #scores = new Scores();
  readonly #boosts: readonly { readonly pattern: RegExp; readonly weight: number }[];
  /** Milliseconds for each candidate, as the calls so far have shown. */
  #pace = FIRST_PACE_MS;
  #current: AbortController | undefined;
  /** Queries so far. */
  #turns = 0;

  constructor(settings: RerankSettings, model: Model) {
    this.#settings = settings;
    this.#model = model;
    this.#boosts = settings.boosts.map(({ pattern, weight }) => ({ pattern: new RegExp(pattern), weight }));
  }

  /** Whether the model could improve the order at all: not for a word's beginning, nor for a title. */
  isWorthIt(query: string, candidates: readonly Candidate[]): boolean {
    const asked = query.trim();
    if (asked.length < SHORTEST_QUERY || candidates.length < 2) return false;
    if (/\s/.test(asked)) return true;
    const name = fold(asked);
    return !candidates.some(({ title, heading }) =>
      [title, heading.split(PATH_SEPARATOR).at(-1) ?? ''].some((known) => fold(known) === name),
    );
  }

  /**
   * The turn of a query, to be taken when it begins, if anything is awaited before `order`: a query that comes to it late
   * must not end a newer one.
   */
  takeTurn(): number {
    this.#turns += 1;
    return this.#turns;
  }

  /** The base order, boosts applied. */
  base(candidates: readonly Candidate[]): number[] {
    return baseOrder(this.#scored(candidates));
  }

  /** The model's order, where all its scores are there from before. */
  known(query: string, candidates: readonly Candidate[]): number[] | undefined {
    const asked = normalise(query);
    const { order, missing } = this.#plan(asked, candidates);
    return missing.length === 0 && candidates.length > 1 ? order() : undefined;
  }

  /** The model's order once it has read what it must; undefined when a newer query came or the model failed. */
  async order(
    query: string,
    candidates: readonly Candidate[],
    turn = this.takeTurn(),
  ): Promise<number[] | undefined> {
    if (turn < this.#turns) return undefined;
    const asked = normalise(query);
    this.cancel();
    const abort = new AbortController();
    this.#current = abort;
    const engine = this.#model.engine ?? (await this.#model.load());
    if (engine === undefined || abort.signal.aborted) return undefined;
    const { order, missing } = this.#plan(asked, candidates);
    if (missing.length > 0 && !(await this.#score(engine, query, asked, missing, abort.signal)))
      return undefined;
    if (this.#current === abort) this.#current = undefined;
    return order();
  }

  /** Ends what is being scored, unless that is of a newer turn; what is scored already stays known. */
  cancel(turn = this.#turns): void {
    if (turn < this.#turns) return;
    this.#current?.abort();
    this.#current = undefined;
  }

  /** Which candidates the model still has to read, and the order once it has. */
  #plan(asked: string, candidates: readonly Candidate[]) {
    const scored = this.#scored(candidates);
    const head = new Set(baseOrder(scored).slice(0, this.#count()));
    const score = (place: number) => {
      const candidate = candidates[place];
      return candidate && this.#scores.get(asked, keyOf(candidate));
    };
    return {
      missing: Array.from(head).flatMap((place) =>
        score(place) === undefined ? (candidates[place] ?? []) : [],
      ),
      order: () => {
        const scores = candidates.map((_, place) => (head.has(place) ? score(place) : undefined));
        return mixedOrder(scored, scores, this.#settings.blend);
      },
    };
  }

  /** How many candidates the model can read in the budget, as far as is known. */
  #count(): number {
    const { candidates, budgetMs } = this.#settings;
    return Math.min(candidates, Math.max(FEWEST, Math.floor((PLANNED * budgetMs) / this.#pace)));
  }

  #scored(candidates: readonly Candidate[]): Scored[] {
    return candidates.map(({ score, url }, place) => ({
      base: score ?? candidates.length - place,
      weight: this.#weight(url),
    }));
  }

  /** The product of the weights of all boosts that the path of an address fits. */
  #weight(url: string): number {
    const path = url.replace(/[?#].*$/, '');
    const { baseUrl } = this.#settings;
    const inside = path.startsWith(baseUrl) ? `/${path.slice(baseUrl.length)}` : path;
    return this.#boosts.reduce(
      (product, boost) => (boost.pattern.test(inside) ? product * boost.weight : product),
      1,
    );
  }

  /** Has the model read sections. Whether all are read now. */
  async #score(
    engine: Engine,
    query: string,
    asked: string,
    sections: readonly Candidate[],
    signal: AbortSignal,
  ): Promise<boolean> {
    const { maxLength } = this.#settings;
    const keep = (results: readonly { index: number; score: number }[]) => {
      for (const { index, score } of results) {
        const section = sections[index];
        if (section !== undefined) this.#scores.set(asked, keyOf(section), score);
      }
    };
    const start = performance.now();
    try {
      const documents = sections.map(({ title, heading, text }) => ({
        title: heading === '' || heading === title ? title : `${title}${PATH_SEPARATOR}${heading}`,
        text: passage(text, query, maxLength * CHARACTERS_PER_TOKEN),
      }));
      keep(
        await engine.rank(query, documents, { activation: 'sigmoid', maxLength, signal, onPartial: keep }),
      );
    } catch (error) {
      if (!signal.aborted) this.#model.fail(error);
      return false;
    }
    const pace = (performance.now() - start) / sections.length;
    this.#pace = NEWEST * pace + (1 - NEWEST) * this.#pace;
    this.#model.recover();
    return !signal.aborted;
  }
}

/** What tells a candidate from others: several texts may share an address. */
function keyOf({ url, text }: Candidate): string {
  return `${url} ${text.length}`;
}
