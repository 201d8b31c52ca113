// A reranker as a model of the Vercel AI SDK, for its `rerank`. The interface is written down here and not imported, so
// that nothing has to be installed for it; a packaging test compares it with the SDK's own types.

import { aFunction, oneOf, read, type Spec } from './check.js';
import { CrossrankError } from './errors.js';
import type { Activation } from './options.js';
import type { Reranker } from './reranker.js';
import { typeName } from './text.js';

/** Options of `rerankingModel`. */
export interface RerankingModelOptions {
  /** Default `'sigmoid'`: relevance scores from 0 to 1, as hosted rerankers give them. */
  readonly activation?: Activation | undefined;
  /** The text of a document that is an object. Default: its path, title and text, or else its JSON. */
  readonly text?: ((document: object) => string) | undefined;
}

/** The AI SDK's interface of a reranking model, version 3: what its versions 6 and 7 accept. */
export interface RerankingModel {
  readonly specificationVersion: 'v3';
  readonly provider: string;
  readonly modelId: string;
  doRerank(call: RerankingCall): Promise<RerankingOutcome>;
}

/** What the SDK passes on of a `rerank` call, as far as it is used here. */
export interface RerankingCall {
  readonly documents:
    | { readonly type: 'text'; readonly values: string[] }
    | { readonly type: 'object'; readonly values: object[] };
  readonly query: string;
  readonly topN?: number | undefined;
  readonly abortSignal?: AbortSignal | undefined;
}

export interface RerankingOutcome {
  /** Best first. */
  ranking: { index: number; relevanceScore: number }[];
  response: { timestamp: Date; modelId: string };
}

const OPTIONS: Spec<RerankingModelOptions> = { activation: oneOf('identity', 'sigmoid'), text: aFunction };

/**
 * The model for `rerank({ model, query, documents, topN })` of the AI SDK.
 *
 * @example
 * const model = rerankingModel(await Reranker.load());
 * const { ranking } = await rerank({ model, query, documents, topN: 3 });
 */
export function rerankingModel(reranker: Reranker, options?: RerankingModelOptions): RerankingModel {
  const { activation = 'sigmoid', text = defaultText } = read(options, OPTIONS, 'rerankingModel');
  if (typeof reranker?.rank !== 'function') {
    throw new CrossrankError(
      'OPTION',
      `The reranker of rerankingModel is ${typeName(reranker)}. It must be what Reranker.load resolves with.`,
    );
  }
  const modelId = reranker.status.model.id;
  return {
    specificationVersion: 'v3',
    provider: 'crossrank',
    modelId,
    async doRerank({ query, documents, topN, abortSignal }) {
      const settings = { topK: topN, activation, signal: abortSignal };
      const ranked =
        documents.type === 'text'
          ? await reranker.rank(query, documents.values, settings)
          : await reranker.rank(query, documents.values, { ...settings, text });
      return {
        ranking: ranked.map(({ index, score }) => ({ index, relevanceScore: score })),
        response: { timestamp: new Date(), modelId },
      };
    },
  };
}

/** What the model reads of an object: as `rank` reads `{ text, title?, path? }`, or all of it. */
function defaultText(document: object): string {
  const { path, title, text } = document as Partial<Record<'path' | 'title' | 'text', unknown>>;
  if (typeof text !== 'string') return JSON.stringify(document);
  const heading = [path, title].filter((part) => typeof part === 'string' && part !== '');
  return heading.length === 0 ? text : `${heading.join('\n')}\n\n${text}`;
}
