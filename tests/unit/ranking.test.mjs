// Order, blend, what a call makes of scores, and the presets: pure functions against values computed by hand.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { baseOrder, blendScores, minMax } from '../../pkg/dist/blend.js';
import { readRankOptions } from '../../pkg/dist/options.js';
import { order } from '../../pkg/dist/order.js';
import { agro } from '../../pkg/dist/presets.js';
import { Ranking } from '../../pkg/dist/ranking.js';
import { root } from '../support/server.mjs';

const near = (got, expected) => {
  assert.equal(got.length, expected.length);
  for (const [i, value] of got.entries())
    assert.ok(Math.abs(value - expected[i]) < 1e-12, `${i}: ${value} is not ${expected[i]}`);
};
const places = (results) => results.map(({ index }) => index);

test('order: best first, equal scores by place, 0 equals -0, no score is left out', () => {
  assert.deepEqual(order([0.5, 2, 0.5, -1, 2]), [1, 4, 0, 2, 3]);
  assert.deepEqual(order([0, -0, 0]), [0, 1, 2]);
  assert.deepEqual(order([Number.NaN, 1, Number.NaN, 3]), [3, 1]);
  assert.deepEqual(order([]), []);
});

test('order is total: a sort that knows nothing of JavaScript gives the same', () => {
  const score = fc.oneof(fc.float({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0, -0, 1));
  fc.assert(
    fc.property(fc.array(score), (scores) => {
      const left = scores.map((_, i) => i);
      const slow = [];
      while (left.length > 0) {
        let best = 0;
        for (const [at, place] of left.entries()) if (scores[place] > scores[left[best]]) best = at;
        slow.push(...left.splice(best, 1));
      }
      assert.deepEqual(order(scores), slow);
    }),
  );
});

test('minMax: from 0 to 1; all equal is 0.5, also when they differ in the tenth digit', () => {
  near(minMax([2, 4, 3]), [0, 1, 0.5]);
  near(minMax([-1, 1]), [0, 1]);
  near(minMax([7, 7, 7]), [0.5, 0.5, 0.5]);
  near(minMax([0, 0]), [0.5, 0.5]);
  near(minMax([1, 1 + 1e-10]), [0.5, 0.5]);
  near(minMax([1e-12, 2e-12]), [0, 1]);
  near(minMax([5]), [0.5]);
  near(minMax([]), []);
});

test('blend: alpha times the score, the rest the base', () => {
  // 0.7 · 2 + 0.3 · 0 = 1.4; 0.7 · -1 + 0.3 · 1 = -0.4; 0.7 · 0.5 + 0.3 · 0.25 = 0.425
  near(blendScores([2, -1, 0.5], [10, 14, 11], { alpha: 0.7 }), [1.4, -0.4, 0.425]);
  near(blendScores([2, -1], [10, 14], { alpha: 0.7, normalize: 'none' }), [4.4, 3.5]);
  near(blendScores([2, -1], [3, 3], { alpha: 0.5 }), [1.25, -0.25]);
  near(blendScores([2, -1], [10, 14], { alpha: 1 }), [2, -1]);
  near(blendScores([2, -1], [10, 14], { alpha: 0 }), [0, 1]);
  assert.ok(Number.isNaN(blendScores([Number.NaN], [1], { alpha: 0.7 })[0]));
  assert.deepEqual(baseOrder([1, 3, 2, 3]), [1, 3, 2, 0]);
});

const ranking = (documents, options) =>
  new Ranking('q', documents, readRankOptions(options, documents.length));
const NONE = Number.NaN;

test('a ranking without options: all pairs in input order, the best first', () => {
  const documents = ['a', { text: 'b' }, 'c'];
  const r = ranking(documents);
  assert.deepEqual(r.pairs, ['q', 'a', 'q', 'b', 'q', 'c']);
  assert.deepEqual(r.all(Float32Array.of(1, 3, 2)), [
    { index: 1, score: 3, scored: true, document: documents[1] },
    { index: 2, score: 2, scored: true, document: 'c' },
    { index: 0, score: 1, scored: true, document: 'a' },
  ]);
});

test('what is not scored follows in input order, marked, and is no part of partial results', () => {
  const r = ranking(['a', 'b', 'c', 'd'], { topK: 3 });
  const scores = Float32Array.of(NONE, -5, NONE, 2);
  assert.deepEqual(places(r.scored(scores)), [3, 1]);
  assert.deepEqual(
    r.all(scores).map(({ index, score, scored }) => [index, score, scored]),
    [
      [3, 2, true],
      [1, -5, true],
      [0, NONE, false],
    ],
  );
});

test('blend in a ranking: the head of topN is read and mixed on its own scale, the tail follows in base order', () => {
  const documents = ['a', 'b', 'c', 'd', 'e'];
  const r = ranking(documents, { blend: { alpha: 0.5, base: [1, 9, 5, 2, 7], topN: 3 } });
  assert.deepEqual(r.pairs, ['q', 'b', 'q', 'e', 'q', 'c'], 'in base order');
  // Base 9, 7, 5 is 1, 0.5, 0: 0.5 · -2 + 0.5 = -0.5; 0.5 · 1 + 0.25 = 0.75; 0.5 · 4 + 0 = 2.
  assert.deepEqual(
    r.all(Float32Array.of(-2, 1, 4)).map(({ index, score, scored }) => [index, score, scored]),
    [
      [2, 2, true],
      [4, 0.75, true],
      [1, -0.5, true],
      [3, NONE, false],
      [0, NONE, false],
    ],
  );
  assert.deepEqual(places(r.all(Float32Array.of(NONE, NONE, 1))), [2, 1, 4, 3, 0], 'base order for the rest');
});

test('equal blended scores keep base order', () => {
  const r = ranking(['a', 'b', 'c'], { blend: { alpha: 1, base: [1, 3, 2] } });
  assert.deepEqual(places(r.all(Float32Array.of(5, 5, 5))), [1, 2, 0]);
});

test('blend: what may be passed', () => {
  const bad = [
    [{ alpha: 0.5 }, /base of rank's blend is missing/],
    [{ base: [1, 2] }, /alpha of rank's blend is missing/],
    [{ alpha: 2, base: [1, 2] }, /alpha .* from 0 to 1/],
    [{ alpha: 0.5, base: [1] }, /1 numbers for 2 documents/],
    [{ alpha: 0.5, base: [1, Number.NaN] }, /finite/],
    [{ alpha: 0.5, base: [1, '2'] }, /finite/],
    [{ alpha: 0.5, base: [1, 2], normalise: 'none' }, /Did you mean normalize/],
    [{ alpha: 0.5, base: [1, 2], topN: 0 }, /topN/],
    ['agro', /an object/],
  ];
  for (const [blend, message] of bad)
    assert.throws(() => readRankOptions({ blend }, 2), { code: 'OPTION', message });
  const base = [1, 2];
  const read = readRankOptions({ blend: { alpha: 0.5, base } }, 2);
  base[0] = 99;
  assert.deepEqual([...read.blend.base], [1, 2], 'a copy');
  assert.ok(Object.isFrozen(read) && Object.isFrozen(read.blend));
});

/** A model whose logits the test chooses, and what it was asked. */
function model(logits) {
  const asked = [];
  return {
    asked,
    predict: async (pairs, options) => {
      asked.push({ pairs, options });
      return Float32Array.from(logits);
    },
    rank: async (query, documents, options) => {
      const r = new Ranking(query, documents, readRankOptions(options, documents.length));
      asked.push({ pairs: r.pairs, options });
      return r.all(Float32Array.from(logits.slice(0, r.pairs.length / 2)));
    },
  };
}

test('preset agro, first reranker: path and 600 characters, sigmoid, min-max over the list, cut', async () => {
  const results = [0, 1, 2].map((i) => ({ path: `src/${i}.py`, code: `${'🦀'.repeat(599)}ab` }));
  const stub = model([0, 2, -2]);
  const ranked = await agro.rerankResults(stub, 'q', results, { topK: 2 });
  assert.deepEqual(
    stub.asked[0].pairs[1],
    ['q', `src/1.py\n\n${'🦀'.repeat(599)}a`],
    'characters, not units',
  );
  assert.equal(stub.asked[0].options.activation, 'identity');
  // sigmoid(2) = 0.88079707797788, sigmoid(0) = 0.5, sigmoid(-2) = 1 - sigmoid(2): 0 is half way.
  assert.deepEqual(places(ranked), [1, 0]);
  near(
    ranked.map(({ score }) => score),
    [1, 0.5],
  );
  assert.equal(ranked[0].document, results[1]);
});

test('preset agro, first reranker: scores that are all the same, none at all, and the default cut', async () => {
  const chunk = { path: '', code: 'x' };
  const same = await agro.rerankResults(model([1, 1]), 'q', [chunk, chunk]);
  assert.deepEqual(
    same.map(({ index, score }) => [index, score]),
    [
      [0, 1],
      [1, 1],
    ],
    'divided by the largest',
  );
  const zero = await agro.rerankResults(model([-1000, -1000]), 'q', [chunk, chunk]);
  assert.deepEqual(
    zero.map(({ score }) => score),
    [0, 0],
  );
  assert.deepEqual(await agro.rerankResults(model([]), 'q', []), []);
  assert.equal((await agro.rerankResults(model(Array(12).fill(0)), 'q', Array(12).fill(chunk))).length, 10);
});

test('preset agro, first reranker: logits that single precision would make equal are told apart', async () => {
  const chunk = { path: '', code: 'x' };
  // Beyond 17 a sigmoid in single precision is 1.
  const ranked = await agro.rerankResults(model([18, 19, 0]), 'q', [chunk, chunk, chunk]);
  assert.deepEqual(places(ranked), [1, 0, 2]);
});

test('preset agro, second reranker: 2,000 characters without path, 0.7 and 0.3, head and tail', async () => {
  const scores = [0.2, 0.8, 0.5, 0.1];
  const candidates = scores.map((score, i) => ({ path: `p${i}`, code: 'c'.repeat(3000), score }));
  const stub = model([-1, 0.5, 3]);
  const ranked = await agro.rerankCandidates(stub, 'q', candidates, { topN: 3 });
  assert.deepEqual(stub.asked[0].pairs.slice(0, 2), ['q', 'c'.repeat(2000)]);
  assert.equal(stub.asked[0].options.activation, undefined, "the model's own");
  // Base order 1, 2, 0 with 0.8, 0.5, 0.2, which is 1, 0.5, 0 on the head's scale:
  // 0.7 · -1 + 0.3 = -0.4; 0.7 · 0.5 + 0.15 = 0.5; 0.7 · 3 + 0 = 2.1.
  assert.deepEqual(places(ranked), [0, 2, 1, 3]);
  near(
    ranked.slice(0, 3).map(({ score }) => score),
    [2.1, 0.5, -0.4],
  );
  assert.deepEqual(
    ranked.map(({ scored }) => scored),
    [true, true, true, false],
  );
});

test('preset agro, second reranker: the head is 50 by default, 0 means all, an all-equal base becomes 0.5', async () => {
  const candidates = Array.from({ length: 60 }, () => ({ path: '', code: 'x', score: 4 }));
  const stub = model(Array(60).fill(1));
  const ranked = await agro.rerankCandidates(stub, 'q', candidates);
  assert.equal(ranked.filter(({ scored }) => scored).length, 50);
  near([ranked[0].score], [0.7 + 0.15]);
  const all = await agro.rerankCandidates(stub, 'q', candidates, { topN: 0, alpha: 0 });
  assert.equal(all.filter(({ scored }) => scored).length, 60);
  near([all[0].score], [0.5]);
});

test('the blend of the native commands is this one: the same examples', () => {
  const examples = JSON.parse(readFileSync(path.join(root, 'tests/fixtures/blend.json'), 'utf8'));
  assert.ok(examples.length >= 6);
  for (const { name, logits, activation, base, alpha, normalize, top_n: topN, order, scores } of examples) {
    const blend = { alpha, base, normalize, ...(topN === null ? {} : { topN }) };
    const documents = logits.map((_, i) => String(i));
    const ranking = new Ranking('q', documents, readRankOptions({ blend }, documents.length));
    const score = (logit) => (activation === 'sigmoid' ? 1 / (1 + Math.exp(-logit)) : logit);
    // The model's scores of what it reads, in the order in which it is asked.
    const read = ranking.pairs.filter((_, i) => i % 2 === 1);
    const results = ranking.all(Float32Array.from(read, (document) => score(logits[Number(document)])));
    assert.deepEqual(places(results), order, name);
    if (topN !== null) continue;
    for (const { index, score } of results)
      assert.ok(Math.abs(score - scores[index]) < 1e-6, `${name}: ${index}`);
  }
});
