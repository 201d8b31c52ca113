// `npm run eval` from the command to its figures, with the tiny model: what it says must follow from what the package
// gives for the same lists.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { writeBenchmark } from '../../scripts/evaluate/markdown.mjs';
import { useBrowser } from '../support/browser.mjs';
import { hubFolder } from '../support/models.mjs';
import { root } from '../support/server.mjs';
import { test } from '../support/test.mjs';

const open = useBrowser();
const slow = { timeout: 180_000 };

const texts = ['fn open(path: &Path)', 'def add(a, b)', 'close the file', 'retry on failure', 'sort a list'];
const queries = ['open a file', 'add numbers', 'how to sort'].map((text, i) => ({ id: `q${i}`, text }));
const right = [0, 1, 4];
const scores = [5, 4, 3.5, 2, 1];
const rows = {
  queries,
  corpus: texts.map((text, i) => ({ id: `d${i}`, text })),
  qrels: right.map((d, i) => ({ qid: `q${i}`, did: `d${d}`, rel: 1 })),
  candidates: queries.map(({ id }) => ({ qid: id, docs: texts.map((_, i) => `d${i}`), scores })),
};

const mrr = (orders) =>
  orders.reduce((sum, order, i) => sum + 1 / (order.indexOf(right[i]) + 1), 0) / orders.length;

test('the figures are those of the package, base, reranked and blended', slow, async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'crossrank-eval-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeBenchmark(folder, rows);
  const args = ['scripts/eval.mjs', folder, '--model', 'tests/fixtures/tiny', '--alpha', '0.6', '--json'];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const result = JSON.parse(stdout);

  const { page } = await open(t, { files: hubFolder() });
  const orders = await page.evaluate(
    async ([questions, documents, base]) => {
      const reranker = await crossrank.Reranker.load({ model: '/hub/', workers: 1 });
      const of = async (query, options) =>
        (await reranker.rank(query, documents, options)).map(({ index }) => index);
      const blend = { activation: 'sigmoid', blend: { alpha: 0.6, base } };
      const [reranked, blended] = [[], []];
      for (const question of questions) {
        reranked.push(await of(question, {}));
        blended.push(await of(question, blend));
      }
      return { reranked, blended };
    },
    [queries.map(({ text }) => text), texts, scores],
  );
  assert.deepEqual([result.queries, result.ceiling, result.alpha], [3, 1, 0.6]);
  const near = (got, expected) => assert.ok(Math.abs(got - expected) < 1e-12, `${got} is not ${expected}`);
  near(result.mrr10.base, (1 + 1 / 2 + 1 / 5) / 3);
  near(result.mrr10.reranked, mrr(orders.reranked));
  near(result.mrr10.blended, mrr(orders.blended));
  near(result.ndcg10.base, (1 + 1 / Math.log2(3) + 1 / Math.log2(6)) / 3);
  assert.notDeepEqual(orders.reranked, orders.blended, 'the fixture tells the orders apart');
});

test('a model that does not load stops it with one line', slow, () => {
  const args = ['scripts/eval.mjs', 'nowhere'];
  const nothing = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  assert.equal(nothing.status, 1);
  assert.match(nothing.stderr, /stopped: .*queries\.jsonl cannot be read/);
  assert.doesNotMatch(nothing.stderr, /at .*mjs:\d+/);
});
