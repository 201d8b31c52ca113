// The page that `npm run eval` opens: the package as its users load it, under a name that the command calls.
import { Reranker } from '/pkg/dist/index.js';

globalThis.load = async (options) => {
  globalThis.reranker = await Reranker.load(options).catch((error) => Promise.reject(error.message));
  return globalThis.reranker.status;
};

/** The logits of one query's documents. */
globalThis.score = async (query, documents) => {
  const pairs = documents.map((document) => [query, document]);
  return [...(await globalThis.reranker.predict(pairs, { activation: 'identity' }))];
};

globalThis.ready = true;
