// Runs a query of @easyops-cn/docusaurus-search-local, reranks what it finds, and adds sections of our own index where
// it finds too few: it wants every word of a question in one place, and in `docusaurus start` it has no index.
import { crossrankData } from '../data.js';
import { type Candidate, rerankResults, takeTurn } from '../rerank/index.js';
import { findSection, searchSections } from '../search/index.js';
import { asTrees, CONTENT, type EasyopsDocument, type EasyopsResult, TITLE } from './easyops-results.js';

/** From so many words on a query is taken for a question, and finds sections that have only some of them. */
const QUESTION_WORDS = 3;

/** The first `limit` results, in the model's order where it answers in time, else as that plugin orders them. */
export async function rerankedSearch(
  plain: (limit: number) => Promise<EasyopsResult[]>,
  input: string,
  limit: number,
): Promise<EasyopsResult[]> {
  const turn = takeTurn();
  const wanted = Math.max(limit, crossrankData().options.candidates);
  const base = await plain(wanted);
  const more = await additional(base, input, wanted - base.length);
  const all = [...base, ...more];
  const sections = sameSections(all);
  const candidates = await Promise.all(sections.map(([first]) => candidate(first as EasyopsResult)));
  const trigger = limit > wanted / 2 ? 'submit' : 'type';
  const { order, reranked } = await rerankResults(input, candidates, turn, trigger);
  if (!reranked) {
    // With the smaller limit the plugin may choose differently; without the model nothing is to be different.
    const unchanged = wanted === limit ? base : await plain(limit);
    return [...unchanged, ...more].slice(0, limit);
  }
  const ranked = order.flatMap((at) => sections[at] ?? []);
  return asTrees(ranked)
    .filter((result) => result.page !== false || result.type === TITLE)
    .slice(0, limit);
}

/** A heading and a text of one section are two results, but one candidate. */
function sameSections(results: readonly EasyopsResult[]): EasyopsResult[][] {
  const byUrl = new Map<string, EasyopsResult[]>();
  for (const result of results) byUrl.set(urlOf(result), [...(byUrl.get(urlOf(result)) ?? []), result]);
  return Array.from(byUrl.values());
}

const urlOf = ({ document }: EasyopsResult) => document.u + (document.h ?? '');

async function candidate(result: EasyopsResult): Promise<Candidate> {
  const { document, type, page } = result;
  const title = type === TITLE ? document.t : (page || document).t;
  const heading = type === CONTENT ? (document.s ?? '') : document.t;
  // The text of titles and headings is only in our index.
  const text = type === CONTENT ? document.t : (await sectionText(urlOf(result))) || document.t;
  return { title, heading: heading === title ? '' : heading, text, url: urlOf(result) };
}

async function sectionText(url: string): Promise<string> {
  return await findSection(url).then(
    (section) => section?.text ?? '',
    () => '',
  );
}

/** Sections of our own index that the base has not found, in the form of its results. */
async function additional(
  base: readonly EasyopsResult[],
  input: string,
  most: number,
): Promise<EasyopsResult[]> {
  const words = input.match(/[\p{L}\p{N}_]+/gu) ?? [];
  if (most <= 0 || (process.env.NODE_ENV === 'production' && words.length < QUESTION_WORDS)) return [];
  const found = await searchSections(input, most).catch(() => []);
  const known = new Set(base.map(urlOf));
  const pages = new Map(base.map((result) => [result.document.u, result.page || result.document]));
  return found
    .filter(({ section }) => !known.has(section.url))
    .map(({ section, score }, at): EasyopsResult => {
      const [path = '', hash] = section.url.split('#');
      const page: EasyopsDocument = pages.get(path) ?? { i: -2 * at - 2, t: section.page, u: path, b: [] };
      pages.set(path, page);
      const heading = section.headings.at(-1) ?? section.page;
      const text = section.text || heading;
      return {
        // Numbers below those of the plugin's own documents.
        document: {
          i: -2 * at - 1,
          t: text,
          u: path,
          h: hash === undefined ? '' : `#${hash}`,
          s: heading,
        },
        type: CONTENT,
        page,
        metadata: { [input]: { t: { position: positionsOf(words, text) } } },
        tokens: words,
        score,
      };
    });
}

/** Where the words stand, as `[start, length]`. The templates draw the text around them, and need at least one. */
function positionsOf(words: readonly string[], text: string): [number, number][] {
  const long = words.filter((word) => word.length > 2);
  const found =
    long.length === 0 ? [] : Array.from(text.matchAll(new RegExp(`\\b(?:${long.join('|')})`, 'giu')));
  const positions = found.map(({ index, 0: word }): [number, number] => [index ?? 0, word.length]);
  return positions.length > 0 ? positions : [[0, Math.max(1, text.search(/\s|$/))]];
}
