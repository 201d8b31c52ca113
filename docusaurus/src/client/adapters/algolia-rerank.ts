// The model's order of the hits of a DocSearch index.
import { type Candidate, rerankResults, takeTurn } from '../rerank/index.js';
import { findSection } from '../search/index.js';
import type { Hit } from './algolia.js';

/** Places in `hits`, best first; undefined when base order stays. */
export async function orderHits(query: string, hits: readonly Hit[]): Promise<number[] | undefined> {
  if (query === '' || hits.length < 2) return undefined;
  const turn = takeTurn();
  const candidates = await Promise.all(
    hits.map(async ({ url, content, hierarchy }): Promise<Candidate> => {
      const levels = ['lvl1', 'lvl2', 'lvl3', 'lvl4', 'lvl5', 'lvl6'].map((level) => hierarchy[level] ?? '');
      const [title = '', ...headings] = levels.filter((text) => text !== '');
      const section = await findSection(pathOf(url)).catch(() => undefined);
      return {
        title,
        heading: headings.at(-1) ?? '',
        text: section?.text || (content ?? ''),
        url: pathOf(url),
      };
    }),
  );
  const { order, reranked } = await rerankResults(query, candidates, turn);
  return reranked ? order : undefined;
}

/** Hits have full URLs, those of the live site. */
function pathOf(url: string): string {
  try {
    const { pathname, hash } = new URL(url, location.href);
    return pathname + hash;
  } catch {
    return url;
  }
}
