// For sites that search with Algolia DocSearch: wraps its client, so that the hits of a query come in the model's order.
// Passed to the search bar by the site itself (docs/docusaurus.md).
import { prepareOnFocus } from './focus.js';

/** A hit of a DocSearch index, as far as it is read here. */
interface Hit {
  readonly url: string;
  readonly content?: string | null;
  readonly hierarchy: Readonly<Record<string, string | null | undefined>>;
}

interface SearchResult {
  readonly hits?: readonly Hit[];
  readonly query?: string;
}

/** An Algolia search client; only `search` is used. */
export interface SearchClient {
  search(requests: never, ...rest: never[]): Promise<{ results: readonly SearchResult[] }>;
}

/** For DocSearch's `transformSearchClient`: the same client, whose `search` answers in the model's order. */
export function transformSearchClient<T extends SearchClient>(client: T): T {
  if (typeof window !== 'undefined') prepareOnFocus();
  const search: SearchClient['search'] = async (requests, ...rest) => {
    const answer = await client.search(requests, ...rest);
    const queries = queriesOf(requests);
    const results = answer.results.map((result, at) => rerank(result, queries[at] ?? result.query ?? ''));
    return { ...answer, results: await Promise.all(results) };
  };
  return Object.assign(Object.create(Object.getPrototypeOf(client)), client, { search }) as T;
}

/** `search({ requests: [{ query }] })` of DocSearch 4, or `search([{ query }])`. */
function queriesOf(requests: unknown): (string | undefined)[] {
  const list = (requests as { requests?: unknown }).requests ?? requests;
  if (!Array.isArray(list)) return [];
  return list.map((one: { query?: string; params?: { query?: string } }) => one.query ?? one.params?.query);
}

async function rerank<T extends SearchResult>(result: T, query: string): Promise<T> {
  const hits = result.hits ?? [];
  const order = await import('./algolia-rerank.js').then(
    ({ orderHits }) => orderHits(query, hits),
    () => undefined,
  );
  return order === undefined ? result : { ...result, hits: order.map((at) => hits[at]) };
}

export type { Hit };
