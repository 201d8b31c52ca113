// Puts the hits of docusaurus-lunr-search in the model's order.
import type { LunrHit } from '@crossrank/lunr-search';
import { type Candidate, rerankResults, takeTurn } from '../rerank/index.js';
import { findSection } from '../search/index.js';

/** One hit of each section, best section first; all hits as they are where base order stays. */
export async function rerankHits(
  input: string,
  hits: readonly LunrHit[],
  content: (url: string) => string,
): Promise<LunrHit[]> {
  const turn = takeTurn();
  const byUrl = new Map<string, LunrHit[]>();
  for (const hit of hits) byUrl.set(hit.url, [...(byUrl.get(hit.url) ?? []), hit]);
  const sections = Array.from(byUrl);
  const candidates = await Promise.all(
    sections.map(async ([url, [first]]): Promise<Candidate> => {
      const section = await findSection(url).catch(() => undefined);
      const { lvl0 = '', lvl1 = '' } = first?.hierarchy ?? {};
      return { title: lvl0, heading: lvl1 ?? '', text: section?.text || content(url), url };
    }),
  );
  const { order, reranked } = await rerankResults(input, candidates, turn);
  if (!reranked) return Array.from(hits);
  return order.flatMap((at) => shown(sections[at]?.[1] ?? []));
}

/** Of a section's hits the one with a piece of its text, or else the first. */
function shown(hits: readonly LunrHit[]): readonly LunrHit[] {
  const withText = hits.filter((hit) => hit._snippetResult !== null);
  return (withText.length > 0 ? withText : hits).slice(0, 1);
}
