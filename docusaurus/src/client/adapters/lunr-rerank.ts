// Puts the hits of docusaurus-lunr-search in the model's order.
import type { LunrHit } from '@crossrank/lunr-search';
import { type Candidate, rerankResults } from '../rerank/index.js';
import { findSection } from '../search/index.js';

/** All hits; several of one section stay together. */
export async function rerankHits(
  input: string,
  hits: readonly LunrHit[],
  content: (url: string) => string,
): Promise<LunrHit[]> {
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
  const { order, reranked } = await rerankResults(input, candidates);
  return reranked ? order.flatMap((at) => sections[at]?.[1] ?? []) : Array.from(hits);
}
