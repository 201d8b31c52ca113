// Ready-made ways to rank that reproduce other systems. Each is a function over a reranker: it prepares the texts, asks
// the model, and scales the scores as that system does. The rest of the library does not depend on them.

import { range } from './blend.js';
import type { PredictOptions } from './options.js';
import { order } from './order.js';
import type { Ranked } from './ranking.js';
import type { Reranker } from './reranker.js';

/** A chunk of code as the AGRO engine (github.com/DMontgomery40/agro-rag-engine) retrieves it. */
export interface AgroChunk {
  readonly path: string;
  readonly code: string;
}

/** A chunk with the score of the stage before, higher is better. */
export interface AgroCandidate extends AgroChunk {
  readonly score: number;
}

/** What a call of a preset may ask for beside the preset. */
export type PresetOptions = Pick<PredictOptions, 'signal' | 'supersede'>;

/** Characters of code that the first reranker reads after the path. */
const RESULT_CHARS = 600;
/** Characters of code that the second one reads. */
const CANDIDATE_CHARS = 2000;

/** Spreads smaller than this count as none. */
const SMALLEST_RANGE = 1e-9;

/**
 * The two rerankers of the AGRO engine, a retrieval system for code whose training scripts make models for crossrank.
 * The first is always on in that engine; the second may follow it.
 */
export const agro = Object.freeze({
  /**
   * The first one: reads the path, an empty line and 600 characters of code; the sigmoid of each logit, spread over the
   * list from 0 to 1; best first, cut to `topK` (10).
   */
  async rerankResults<T extends AgroChunk>(
    reranker: Pick<Reranker, 'predict'>,
    query: string,
    results: readonly T[],
    { topK = 10, ...options }: PresetOptions & { readonly topK?: number } = {},
  ): Promise<Ranked<T>[]> {
    const pairs = results.map(({ path, code }) => [query, `${path}\n\n${head(code, RESULT_CHARS)}`] as const);
    // Logits, because a sigmoid in single precision makes equals of scores that are not.
    const logits = await reranker.predict(pairs, { ...options, activation: 'identity' });
    const scores = spread(Array.from(logits, (logit) => 1 / (1 + Math.exp(-logit))));
    return order(scores)
      .slice(0, topK)
      .map((index) => ({
        index,
        score: scores[index] as number,
        scored: true,
        document: results[index] as T,
      }));
  },

  /**
   * The second one: reads 2,000 characters of code, without the path, of the `topN` (50; 0: all) candidates with the
   * highest scores, and mixes: `alpha` (0.7) times what the model gives, the rest the candidates' scores spread over
   * these from 0 to 1. The others follow untouched.
   */
  async rerankCandidates<T extends AgroCandidate>(
    reranker: Pick<Reranker, 'rank'>,
    query: string,
    candidates: readonly T[],
    {
      alpha = 0.7,
      topN = 50,
      ...options
    }: PresetOptions & { readonly alpha?: number; readonly topN?: number } = {},
  ): Promise<Ranked<T>[]> {
    const base = candidates.map(({ score }) => score);
    return await reranker.rank(query, candidates, {
      ...options,
      text: ({ code }: T) => head(code, CANDIDATE_CHARS),
      blend: { alpha, base, normalize: 'minmax', topN: topN === 0 ? undefined : topN },
    });
  },
});

/** The first characters of a text, not counting the halves of one as two. */
function head(text: string, count: number): string {
  return Array.from(text.slice(0, 2 * count))
    .slice(0, count)
    .join('');
}

/** Values from 0 to 1; values that are all about the same are divided by their size. */
function spread(values: readonly number[]): number[] {
  const [low, high] = range(values);
  if (high - low > SMALLEST_RANGE) return values.map((value) => (value - low) / (high - low));
  return high === 0 ? [...values] : values.map((value) => value / Math.abs(high));
}
