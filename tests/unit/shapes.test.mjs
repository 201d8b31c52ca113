// The shapes of other rerankers, and the model for the AI SDK over a reranker that notes what it is asked.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rerankingModel, toCohere, toTEI } from '../../pkg/dist/index.js';

const ranked = [
  { index: 2, score: 0.9, scored: true, document: { path: 'a.md', text: 'two' } },
  { index: 0, score: 0.5, scored: true, document: 'zero' },
  { index: 1, score: Number.NaN, scored: false, document: 'one' },
];

test("Cohere's shape: what was not scored is left out, documents only when asked for", () => {
  const results = [
    { index: 2, relevance_score: 0.9 },
    { index: 0, relevance_score: 0.5 },
  ];
  assert.deepEqual(toCohere(ranked), { results });
  assert.deepEqual(toCohere(ranked, { returnDocuments: false }), { results });
  assert.deepEqual(
    toCohere(ranked, { returnDocuments: true }).results.map(({ document }) => document),
    [{ text: 'two' }, { text: 'zero' }],
  );
  assert.deepEqual(toCohere([]), { results: [] });
});

test("TEI's shape", () => {
  assert.deepEqual(toTEI(ranked), [
    { index: 2, score: 0.9 },
    { index: 0, score: 0.5 },
  ]);
  assert.deepEqual(
    toTEI(ranked, { returnText: true }).map(({ text }) => text),
    ['two', 'zero'],
  );
});

test('documents of any kind have their text from `text`; without it they are OPTION', () => {
  const of = (document) => [{ index: 0, score: 1, scored: true, document }];
  const hit = { body: 'b' };
  assert.equal(toTEI(of(hit), { returnText: true, text: (d) => d.body })[0].text, 'b');
  for (const document of [hit, 3, null, { text: 3 }])
    assert.throws(() => toTEI(of(document), { returnText: true }), { code: 'OPTION' });
  assert.throws(() => toTEI(of(hit), { returnText: true, text: () => 3 }), { code: 'OPTION' });
});

test('wrong arguments are OPTION', () => {
  for (const shape of [toCohere, toTEI]) {
    for (const value of [undefined, null, 'x', { results: [] }])
      assert.throws(() => shape(value), { code: 'OPTION' });
    assert.throws(() => shape(ranked, { topN: 3 }), { code: 'OPTION' });
    assert.throws(() => shape(ranked, { text: 'body' }), { code: 'OPTION' });
  }
  for (const value of [undefined, null, {}, 'x'])
    assert.throws(() => rerankingModel(value), { code: 'OPTION' });
  assert.throws(() => rerankingModel(fake(), { modelId: 'x' }), { code: 'OPTION', message: /modelId/ });
});

/** A reranker that puts documents in the order of the length of their text, longest first. */
function fake(calls = []) {
  return {
    status: { model: { id: 'some-model' } },
    async rank(query, documents, options) {
      calls.push({ query, options });
      const { text = (d) => d, topK } = options;
      return documents
        .map((document, index) => ({ index, score: text(document).length, scored: true, document }))
        .sort((a, b) => b.score - a.score)
        .slice(0, topK);
    },
  };
}

test('the AI SDK model: texts, topN, signal, activation', async () => {
  const calls = [];
  const model = rerankingModel(fake(calls));
  assert.deepEqual(
    [model.specificationVersion, model.provider, model.modelId],
    ['v3', 'crossrank', 'some-model'],
  );
  const { signal: abortSignal } = new AbortController();
  const documents = { type: 'text', values: ['a', 'ccc', 'bb'] };
  const { ranking, response } = await model.doRerank({ query: 'q', documents, topN: 2, abortSignal });
  assert.deepEqual(ranking, [
    { index: 1, relevanceScore: 3 },
    { index: 2, relevanceScore: 2 },
  ]);
  assert.equal(response.modelId, 'some-model');
  assert.ok(response.timestamp instanceof Date);
  assert.deepEqual(calls, [{ query: 'q', options: { topK: 2, activation: 'sigmoid', signal: abortSignal } }]);
  await rerankingModel(fake(calls), { activation: 'identity' }).doRerank({ query: 'q', documents });
  assert.deepEqual(calls[1].options, { topK: undefined, activation: 'identity', signal: undefined });
});

test('the AI SDK model: objects are read as rank reads them, or as their JSON, or by `text`', async () => {
  const calls = [];
  const values = [{ text: 'T' }, { path: 'p', title: 't', text: 'T' }, { body: 1 }, { path: 3, text: 'T' }];
  await rerankingModel(fake(calls)).doRerank({ query: 'q', documents: { type: 'object', values } });
  assert.deepEqual(values.map(calls[0].options.text), ['T', 'p\nt\n\nT', '{"body":1}', 'T']);
  const text = ({ body }) => String(body);
  await rerankingModel(fake(calls), { text }).doRerank({ query: 'q', documents: { type: 'object', values } });
  assert.equal(calls[1].options.text, text);
});
