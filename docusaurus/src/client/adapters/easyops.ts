// Takes the place of `searchByWorker` of @easyops-cn/docusaurus-search-local, in its search bar and its search page.
// Small, since it is in the page's first script: what reranks is fetched with the first query.
import * as original from '@crossrank/easyops-search';
import type { EasyopsResult } from './easyops-results.js';
import { prepareOnFocus } from './focus.js';

let listening = false;

export async function fetchIndexesByWorker(baseUrl: string, searchContext: string): Promise<void> {
  if (!listening) prepareOnFocus();
  listening = true;
  return await original.fetchIndexesByWorker(baseUrl, searchContext);
}

/** The latest query of the search bar and of the search page, told apart by their limits. */
const latest = new Map<number, Promise<EasyopsResult[]>>();

export async function searchByWorker(
  baseUrl: string,
  searchContext: string,
  input: string,
  limit: number,
): Promise<EasyopsResult[]> {
  const plain = (most: number) => original.searchByWorker(baseUrl, searchContext, input, most);
  const mine = import('./easyops-rerank.js').then(
    ({ rerankedSearch }) => rerankedSearch(plain, input, limit),
    () => plain(limit),
  );
  latest.set(limit, mine);
  const results = await mine;
  // The page draws what arrives last, so an overtaken query must not arrive with results of its own.
  const newest = latest.get(limit);
  return newest === undefined || newest === mine ? results : await newest;
}
