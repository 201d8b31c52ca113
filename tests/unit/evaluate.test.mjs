// `npm run eval` without a browser: metrics by hand, the reading of benchmarks, and how Markdown is cut.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { casesOf, readBenchmark, readRows } from '../../scripts/evaluate/benchmark.mjs';
import { sections, writeBenchmark } from '../../scripts/evaluate/markdown.mjs';
import { mean, ndcg, reciprocalRank } from '../../scripts/evaluate/metrics.mjs';
import { readOptions } from '../../scripts/evaluate/options.mjs';

const near = (got, expected) => assert.ok(Math.abs(got - expected) < 1e-12, `${got} is not ${expected}`);

test('metrics by hand', () => {
  assert.equal(reciprocalRank([0, 0, 1, 1], 10), 1 / 3);
  assert.equal(reciprocalRank([0, 0, 1], 2), 0);
  assert.equal(reciprocalRank([], 10), 0);
  near(ndcg([1, 0], [1], 10), 1);
  near(ndcg([0, 1], [1], 10), 1 / Math.log2(3));
  // What is relevant and no candidate counts in the ideal order: 1 of two at the first place.
  near(ndcg([1, 0], [1, 1], 10), 1 / (1 + 1 / Math.log2(3)));
  // Gains are taken as they are: 3 and 1 in the wrong order.
  near(ndcg([1, 3], [3, 1], 10), (1 + 3 / Math.log2(3)) / (3 + 1 / Math.log2(3)));
  // Only the first k places count, also in the ideal order.
  near(ndcg([0, 1], [1], 1), 0);
  near(ndcg([1, 1], [1, 1], 1), 1);
  assert.equal(ndcg([0], [], 10), 0);
  assert.equal(mean([1, 0.5, 0]), 0.5);
  assert.equal(mean([]), 0);
});

const rows = {
  queries: [
    { id: 'a', text: 'first' },
    { id: 'b', text: 'second' },
  ],
  corpus: [
    { id: '1', text: 'one' },
    { id: '2', text: 'two', path: 'p.md' },
    { id: '3', text: 'three' },
  ],
  qrels: [
    { qid: 'a', did: '2', rel: 1 },
    { qid: 'a', did: '3', rel: 2 },
    { qid: 'a', did: '1', rel: 0 },
    { qid: 'b', did: '1', rel: 1 },
  ],
  candidates: [
    { qid: 'a', docs: ['1', '2', '3'], scores: [3, 2, 1] },
    { qid: 'b', docs: ['3', '1'] },
  ],
};

test('cases: texts with paths, gains in the order of the candidates, all that is relevant, cuts', () => {
  const [first, second] = casesOf(rows, 2, 2);
  assert.deepEqual(first, {
    query: 'first',
    documents: ['one', 'p.md\n\ntwo'],
    gains: [0, 1],
    relevant: [1, 2],
    base: [3, 2],
  });
  assert.deepEqual(second.base, undefined);
  assert.equal(casesOf(rows, 1, 2).length, 1);
});

test('a folder that was written is read as the same cases; what is wrong stops with its place', (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'crossrank-eval-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeBenchmark(folder, rows);
  assert.deepEqual(readBenchmark(folder, 10, 10), casesOf(rows, 10, 10));
  const wrong = (change, message) =>
    assert.throws(() => casesOf({ ...rows, ...change }, 10, 10), { name: 'Error', message });
  wrong({ qrels: rows.qrels.slice(0, 3) }, /query "b" has no relevant document/);
  wrong({ candidates: rows.candidates.slice(0, 1) }, /query "b" has no candidates/);
  wrong({ corpus: rows.corpus.slice(0, 2) }, /no text in corpus.jsonl for its candidate 3/);
  wrong({ candidates: [{ ...rows.candidates[0], scores: [1] }] }, /no score for each/);
  const file = path.join(folder, 'x.jsonl');
  writeFileSync(file, '{"id":"a"}\n\n{"id":1}\n');
  assert.throws(() => readRows(file, { id: 'string' }), /x\.jsonl:3: id must be of type string/);
  writeFileSync(file, '{"id":\n');
  assert.throws(() => readRows(file, { id: 'string' }), /x\.jsonl:1 is not JSON/);
  assert.throws(() => readRows(path.join(folder, 'none'), {}), /none cannot be read/);
});

test('Markdown is cut at headings, not inside code; front matter is left out', () => {
  const text = [
    '---\ntitle: x\n---\nIntro\n\n# One\n\nText\n```sh\n# no heading\n```\n',
    '````md\n```\n## no heading\n```\n````\n\n## Empty\n\n### Two ##\n\nMore',
  ].join('\n');
  assert.deepEqual(
    sections('a/b.md', text).map(({ id, path, heading, text }) => [id, path, heading, text.split('\n')[0]]),
    [
      ['a/b.md#0', 'a/b.md', '', 'Intro'],
      ['a/b.md#1', 'a/b.md: One', 'One', 'Text'],
      ['a/b.md#2', 'a/b.md: Two', 'Two', 'More'],
    ],
  );
  assert.match(sections('a.md', text)[1].text, /# no heading[\s\S]*## no heading/);
});

test('the command line: defaults, and what is refused', () => {
  const { queries, candidates, alpha, load } = readOptions(['folder']);
  assert.deepEqual([queries, candidates, alpha, load.model], [150, 20, 0.7, undefined]);
  for (const args of [
    ['--quries', '3'],
    ['--queries', '0'],
    ['--alpha', '2'],
    ['--alpha', 'x'],
    ['--markdown', 'docs'],
    ['x', '--markdown', 'docs', '--questions', 'q'],
  ])
    assert.throws(() => readOptions(args), { name: 'Error' }, args.join(' '));
});
