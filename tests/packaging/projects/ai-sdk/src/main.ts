import { rerank } from 'ai';
import { Reranker, rerankingModel } from 'crossrank';

declare global {
  var outcome: unknown;
}

const reranker = await Reranker.load({ workers: 1 });
const model = rerankingModel(reranker);
const query = 'how do I switch retries off';

const texts = await rerank({
  model,
  query,
  documents: [
    'def add(a, b):\n    return a + b',
    '## Retries\n\nRetries are on by default. Set `maxRetries: 0` to turn them off.',
  ],
});
const objects = await rerank({
  model,
  query,
  documents: [
    { path: 'math.py', text: 'def add(a, b):\n    return a + b' },
    { title: 'Retries', text: 'Retries are on by default. Set `maxRetries: 0` to turn them off.' },
    { anything: 'Lists can be sorted.' },
  ],
  topN: 1,
});
const aborted = await rerank({ model, query, documents: ['a'], abortSignal: AbortSignal.abort() }).then(
  () => 'resolved',
  (error: Error) => error.name,
);
globalThis.outcome = {
  order: texts.ranking.map(({ originalIndex }) => originalIndex),
  scores: texts.ranking.map(({ score }) => score),
  first: objects.rerankedDocuments,
  model: texts.response.modelId,
  aborted,
};
