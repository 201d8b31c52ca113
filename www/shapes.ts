// Results in the shapes that other rerankers answer with, for code that was written for those. Pure.

import { aBoolean, aFunction, read, type Spec } from './check.js';
import { CrossrankError } from './errors.js';
import type { Ranked } from './ranking.js';
import { typeName } from './text.js';

/** Options of `toCohere`. */
export interface CohereOptions<T> {
  /** Adds `document: { text }`. Default false, as in Cohere's API version 2. */
  readonly returnDocuments?: boolean | undefined;
  /** The text to return, when a document is neither a string nor has a string in `text`. */
  readonly text?: ((document: T) => string) | undefined;
}

/** What Cohere's `POST /v2/rerank` answers, without what only a service has: id, billed units. */
export interface CohereResponse {
  readonly results: readonly CohereResult[];
}

export interface CohereResult {
  readonly index: number;
  readonly relevance_score: number;
  readonly document?: { readonly text: string };
}

/** Options of `toTEI`. */
export interface TEIOptions<T> {
  /** Adds `text`. Default false, as in TEI. */
  readonly returnText?: boolean | undefined;
  /** The text to return, when a document is neither a string nor has a string in `text`. */
  readonly text?: ((document: T) => string) | undefined;
}

/** What `POST /rerank` of Hugging Face's Text Embeddings Inference answers: a list of these. */
export interface TEIResult {
  readonly index: number;
  readonly score: number;
  readonly text?: string;
}

const COHERE: Spec<CohereOptions<unknown>> = { returnDocuments: aBoolean, text: aFunction };
const TEI: Spec<TEIOptions<unknown>> = { returnText: aBoolean, text: aFunction };

/**
 * What `rank` gave, as Cohere's rerank answers it. Scores are passed on as they are: rank with `activation: 'sigmoid'`
 * for scores from 0 to 1. Documents that the model did not score are left out.
 */
export function toCohere<T>(ranked: readonly Ranked<T>[], options?: CohereOptions<T>): CohereResponse {
  const o = read(options, COHERE, 'toCohere') as CohereOptions<T>;
  const results = scoredOf(ranked, 'toCohere').map(({ index, score, document }) => ({
    index,
    relevance_score: score,
    ...(o.returnDocuments && { document: { text: textOf(document, index, o.text) } }),
  }));
  return { results };
}

/**
 * What `rank` gave, as Text Embeddings Inference answers it. Its scores are sigmoids unless `raw_scores` is asked for:
 * rank with `activation: 'sigmoid'` for the same. Documents that the model did not score are left out.
 */
export function toTEI<T>(ranked: readonly Ranked<T>[], options?: TEIOptions<T>): TEIResult[] {
  const o = read(options, TEI, 'toTEI') as TEIOptions<T>;
  return scoredOf(ranked, 'toTEI').map(({ index, score, document }) => ({
    index,
    score,
    ...(o.returnText && { text: textOf(document, index, o.text) }),
  }));
}

function scoredOf<T>(ranked: readonly Ranked<T>[], where: string): Ranked<T>[] {
  if (Array.isArray(ranked)) return ranked.filter(({ scored }) => scored);
  throw new CrossrankError(
    'OPTION',
    `The results of ${where} are ${typeName(ranked)}. They must be the array that rank resolves with.`,
  );
}

function textOf<T>(document: T, index: number, given: ((document: T) => string) | undefined): string {
  const text: unknown =
    given !== undefined
      ? given(document)
      : typeof document === 'object' && document !== null && 'text' in document
        ? document.text
        : document;
  if (typeof text === 'string') return text;
  throw new CrossrankError(
    'OPTION',
    `The document with index ${index} has no text to return: it is ${typeName(text)}. Pass text: (document) => string.`,
  );
}
