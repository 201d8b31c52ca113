// Compiles if the types of the package are those that the documentation tells of.
import {
  type CohereResponse,
  CrossrankError,
  type ErrorCode,
  type LoadOptions,
  presets,
  type Ranked,
  Reranker,
  rerankingModel,
  type Status,
  type TEIResult,
  toCohere,
  toTEI,
} from 'crossrank';
import { Reranker as FromCdn } from 'crossrank/cdn';

interface Hit {
  readonly id: number;
  readonly body: string;
}

export async function use(hits: Hit[], options: LoadOptions): Promise<string> {
  await using reranker: Reranker = await Reranker.load({ ...options, workers: 2, precision: 'int8' });
  const ranked: Ranked<Hit>[] = await reranker.rank('query', hits, {
    text: (hit) => hit.body,
    topK: 3,
    blend: { alpha: 0.7, base: hits.map(({ id }) => id) },
    onPartial: (results) => results[0]?.document.body.toUpperCase(),
  });
  const texts: Ranked<string>[] = await reranker.rank('query', ['a', 'b']);
  const scores: Float32Array = await reranker.predict([['query', 'document']]);
  const cohere: CohereResponse = toCohere(texts, { returnDocuments: true });
  const tei: TEIResult[] = toTEI(ranked, { returnText: true, text: (hit) => hit.body });
  const status: Status = reranker.status;
  const model: 'v3' = rerankingModel(reranker).specificationVersion;
  await presets.agro.rerankResults(reranker, 'query', [{ path: 'a.py', code: 'x' }]);
  await FromCdn.load();
  return [scores.length, cohere.results.length, tei.length, status.model.id, model].join();
}

export function codeOf(error: unknown): ErrorCode | undefined {
  return error instanceof CrossrankError ? error.code : undefined;
}

// Each of these is a mistake that the types must show.
export async function misuse(reranker: Reranker, hits: Hit[]): Promise<void> {
  // @ts-expect-error: documents without text need the option `text`
  await reranker.rank('query', hits);
  // @ts-expect-error: an unknown option
  await Reranker.load({ mdel: 'x' });
  // @ts-expect-error: the constructor is private
  new Reranker();
}
