// The first stage: BM25 over sections with weighted fields (BM25F). A term's occurrences in title, heading and text
// are added up with their weights, each by the length of its field, before they saturate. Pure but for the breath that
// building takes now and then.

import { queryTerms, words } from './terms.js';

/** What is searched in a section. */
export interface Fields {
  /** Title of its page. */
  readonly title: string;
  /** The headings that lead to it. */
  readonly heading: string;
  readonly text: string;
}

export interface Hit {
  /** Index of the section. */
  readonly section: number;
  /** Comparable within one query only; above 0. */
  readonly score: number;
}

/** How soon further occurrences of a term stop to count. */
const K1 = 1.2;
/** Weight of an occurrence, and how much (0 to 1) the length of the field tells. */
const FIELDS = [
  { name: 'title', weight: 2.5, b: 0.5 },
  { name: 'heading', weight: 3, b: 0.5 },
  { name: 'text', weight: 1, b: 0.75 },
] as const;
/** What a word that only begins as the one that is typed counts, beside the word itself. */
const PREFIX_WEIGHT = 0.5;
/** Most words that the typed one may stand for. */
const MAX_COMPLETIONS = 60;
/** Milliseconds of indexing between two breaths of the page. */
const STEP_MS = 16;
/** Occurrences of a term in a field that are counted; the sum saturates long before. */
const MAX_COUNT = 255;

/** Sections that have a term, and how often in each field: three bytes in one number. */
interface Postings {
  readonly sections: number[];
  readonly counts: number[];
}

export class SectionIndex {
  readonly #postings = new Map<string, Postings>();
  readonly #lengths: Uint16Array;
  readonly #means: readonly number[];
  readonly #count: number;
  readonly #english: boolean;
  #sorted: string[] | undefined;

  private constructor(
    count: number,
    english: boolean,
    postings: Map<string, Postings>,
    lengths: Uint16Array,
  ) {
    this.#count = count;
    this.#english = english;
    this.#postings = postings;
    this.#lengths = lengths;
    this.#means = FIELDS.map((_, field) => {
      let sum = 0;
      for (let at = field; at < lengths.length; at += FIELDS.length) sum += lengths[at] ?? 0;
      return Math.max(1, sum / Math.max(1, count));
    });
  }

  /** Indexes sections; `breathe` is awaited now and then, so that the page stays responsive. */
  static async build(
    sections: readonly Fields[],
    locale: string,
    breathe: () => Promise<void> = () => new Promise((resolve) => setTimeout(resolve)),
  ): Promise<SectionIndex> {
    const english = /^en\b/i.test(locale);
    const postings = new Map<string, Postings>();
    const lengths = new Uint16Array(sections.length * FIELDS.length);
    const known = new Map<string, readonly string[]>();
    let breath = performance.now();
    for (const [section, fields] of sections.entries()) {
      if (performance.now() - breath > STEP_MS) {
        await breathe();
        breath = performance.now();
      }
      for (const [field, { name }] of FIELDS.entries()) {
        let length = 0;
        for (const { terms } of words(fields[name], english, known)) {
          length += 1;
          for (const term of terms) count(postings, term, section, field);
        }
        lengths[section * FIELDS.length + field] = Math.min(length, 0xffff);
      }
    }
    return new SectionIndex(sections.length, english, postings, lengths);
  }

  /** The best sections for a query, best first; equal ones in the order of the sections. */
  search(query: string, limit: number): Hit[] {
    const { terms, prefix } = queryTerms(query, this.#english);
    const scores = new Map<number, number>();
    for (const term of terms) this.#add(scores, [[term, 1]]);
    if (prefix !== undefined) {
      // The word itself has counted above; of its completions, the best one of a section counts.
      const completions = this.#completions(prefix).filter((term) => !terms.includes(term));
      this.#add(
        scores,
        completions.map((term) => [term, PREFIX_WEIGHT]),
      );
    }
    return Array.from(scores)
      .map(([section, score]) => ({ section, score }))
      .sort((a, b) => b.score - a.score || a.section - b.section)
      .slice(0, limit);
  }

  /** Adds to each section's score that of the alternative that fits it best. */
  #add(scores: Map<number, number>, alternatives: readonly (readonly [string, number])[]): void {
    const best = new Map<number, number>();
    for (const [term, weight] of alternatives) {
      const found = this.#postings.get(term);
      if (found === undefined) continue;
      const frequency = found.sections.length;
      const idf = Math.log(1 + (this.#count - frequency + 0.5) / (frequency + 0.5));
      for (const [i, section] of found.sections.entries()) {
        const occurrences = this.#occurrences(section, found.counts[i] ?? 0);
        const score = (weight * idf * occurrences * (K1 + 1)) / (K1 + occurrences);
        if (score > (best.get(section) ?? 0)) best.set(section, score);
      }
    }
    for (const [section, score] of best) scores.set(section, (scores.get(section) ?? 0) + score);
  }

  /** The weighted sum over the fields. */
  #occurrences(section: number, counts: number): number {
    let sum = 0;
    for (const [field, { weight, b }] of FIELDS.entries()) {
      const times = (counts >> (8 * field)) & MAX_COUNT;
      if (times === 0) continue;
      const relative = (this.#lengths[section * FIELDS.length + field] ?? 0) / (this.#means[field] ?? 1);
      sum += (weight * times) / (1 - b + b * relative);
    }
    return sum;
  }

  /** Terms that begin so, in alphabetical order. */
  #completions(prefix: string): string[] {
    this.#sorted ??= Array.from(this.#postings.keys()).sort();
    const sorted = this.#sorted;
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[middle] ?? '') < prefix) low = middle + 1;
      else high = middle;
    }
    const out: string[] = [];
    for (let at = low; at < sorted.length && out.length < MAX_COMPLETIONS; at++) {
      const term = sorted[at] ?? '';
      if (!term.startsWith(prefix)) break;
      out.push(term);
    }
    return out;
  }
}

function count(postings: Map<string, Postings>, term: string, section: number, field: number): void {
  let found = postings.get(term);
  if (found === undefined) {
    found = { sections: [], counts: [] };
    postings.set(term, found);
  }
  const { sections, counts } = found;
  if (sections.at(-1) !== section) {
    sections.push(section);
    counts.push(0);
  }
  const last = counts.length - 1;
  const before = counts[last] ?? 0;
  if (((before >> (8 * field)) & MAX_COUNT) < MAX_COUNT) counts[last] = before + (1 << (8 * field));
}
