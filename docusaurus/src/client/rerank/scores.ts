// What the model has said of sections, for the queries asked last: a score that came too late for one view of the
// results is there for the next one. Pure.

/** Queries that are remembered. */
const MAX_QUERIES = 50;

export class Scores {
  readonly #queries = new Map<string, Map<string, number>>();

  get(query: string, key: string): number | undefined {
    return this.#queries.get(query)?.get(key);
  }

  set(query: string, key: string, score: number): void {
    const scores = this.#queries.get(query) ?? new Map<string, number>();
    scores.set(key, score);
    // The last place in the map is that of the query used last.
    this.#queries.delete(query);
    this.#queries.set(query, scores);
    const [oldest] = this.#queries.keys();
    if (this.#queries.size > MAX_QUERIES && oldest !== undefined) this.#queries.delete(oldest);
  }
}

/** Queries that differ only in case, spaces or the marks at their end are one. */
export function normalise(query: string): string {
  return query
    .trim()
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .replace(/[\s?!.…]+$/, '');
}
