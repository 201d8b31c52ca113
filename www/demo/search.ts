// The first stage: a BM25 search by minisearch over all items, which the cross-encoder then puts in order. It
// knows identifiers (`splitChunksPlugin` is also found as split, chunks and plugin) and nothing of meaning.

import MiniSearch from 'minisearch';
import type { Item } from './items.js';

/** Items indexed between two breaths of the page. */
const INDEX_STEP = 250;
/** Short terms match too much by accident. */
const PREFIX_FROM = 4;
const FUZZY_FROM = 6;

/** Words of a question that say nothing about its subject. */
const STOP_WORDS = new Set(
  `a about an and are as at be been but by can code could did do does for from function get had has have how i if in
   into is it its me my of on one or our so than that the their them then there these they this to use used uses using
   was we were what when where which who why will with would you your`.split(/\s+/),
);

export interface FirstStage {
  /** The best items for the query, best first. Pure; a few milliseconds. */
  search(query: string, limit: number): Item[];
}

export async function indexItems(items: readonly Item[]): Promise<FirstStage> {
  const index = new MiniSearch<Item>({
    fields: ['path', 'text'],
    tokenize: terms,
    processTerm: (term) => term,
    searchOptions: {
      tokenize: (query) => queryTerms(query),
      boost: { path: 1.5 },
      prefix: (term) => term.length >= PREFIX_FROM,
      fuzzy: (term) => (term.length >= FUZZY_FROM ? 0.2 : false),
      weights: { prefix: 0.3, fuzzy: 0.15 },
    },
  });
  await index.addAllAsync(items, { chunkSize: INDEX_STEP });
  return {
    search: (query, limit) =>
      index
        .search(query)
        .slice(0, limit)
        .flatMap(({ id }) => items[id as number] ?? []),
  };
}

function queryTerms(query: string): string[] {
  const all = [...new Set(terms(query))];
  const telling = all.filter((term) => !STOP_WORDS.has(term));
  return telling.length > 0 ? telling : all;
}

/** Lower-case stems of the words, and for an identifier of several words also the whole of it. */
export function terms(text: string): string[] {
  const out: string[] = [];
  for (const [word] of text.matchAll(/[\p{L}\p{N}_$]+/gu)) {
    const parts = word
      .replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, '$1 $2')
      .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1 $2')
      .split(/[\s_$]+/)
      .filter((part) => part !== '')
      .map((part) => stem(part.toLowerCase()));
    out.push(...parts);
    if (parts.length > 1) out.push(word.toLowerCase());
  }
  return out;
}

/** Only what makes "implemented", "implements" and "implement" one term; not a linguist. */
function stem(word: string): string {
  if (word.length > 5 && word.endsWith('ing')) return word.slice(0, -3);
  if (word.length > 4 && word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  if (word.length > 4 && word.endsWith('ed')) return word.slice(0, -2);
  if (word.length > 3 && word.endsWith('s') && !word.endsWith('ss')) return word.slice(0, -1);
  return word;
}
