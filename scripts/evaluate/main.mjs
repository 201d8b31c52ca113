// The evaluation from start to end: benchmarks in, the model's logits from the package in Chromium, three orders of each
// list (base, reranked, blended), and the metrics of each.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { chromiumArgs, findChromium } from '../chromium.mjs';
import { serveMounts } from '../mounts.mjs';
import { dist, root } from '../paths.mjs';
import { SetupError } from '../run.mjs';
import { casesOf, readBenchmark } from './benchmark.mjs';
import { makeBenchmark, writeBenchmark } from './markdown.mjs';
import { mean, ndcg, reciprocalRank } from './metrics.mjs';

const K = 10;

/** What is measured when nothing is named: this project's own docs. */
const own = { docs: path.join(root, 'docs'), questions: path.join(root, 'docs/questions.jsonl') };

/** Resolves with the results that it has printed, one a benchmark. */
export async function evaluate(options) {
  const benchmarks = readBenchmarks(options);
  const results = [];
  if (!options.json) console.log(head);
  await withModel(options, async (score, status) => {
    for (const { name, cases } of benchmarks) {
      const began = performance.now();
      const orders = [];
      for (const [i, item] of cases.entries()) {
        orders.push(await ordersOf(item, await score(item.query, item.documents), options.alpha));
        progress(i + 1, cases.length, began);
      }
      const seconds = (performance.now() - began) / 1000;
      const result = { benchmark: name, model: status.model.id, ...summary(cases, orders, options), seconds };
      results.push(result);
      console.log(options.json ? JSON.stringify(result) : line(result));
    }
  });
  return results;
}

function readBenchmarks({ folders, markdown, keep, queries, candidates }) {
  if (folders.length > 0) {
    return folders.map((folder) => ({
      name: path.basename(path.resolve(folder)),
      cases: readBenchmark(folder, queries, candidates),
    }));
  }
  const rows = makeBenchmark(markdown ?? own);
  if (keep !== undefined) writeBenchmark(keep, rows);
  return [
    { name: path.basename(path.resolve((markdown ?? own).docs)), cases: casesOf(rows, queries, candidates) },
  ];
}

/** The gains of a list's documents in each order. The package's own functions put them in order. */
async function ordersOf({ gains, base }, logits, alpha) {
  const [{ order }, { blendScores }] = await Promise.all([ours('order.js'), ours('blend.js')]);
  const inOrder = (scores) => order(scores).map((place) => gains[place]);
  const sigmoids = logits.map((logit) => 1 / (1 + Math.exp(-logit)));
  return {
    base: gains,
    reranked: inOrder(logits),
    blended: base && inOrder(blendScores(sigmoids, base, { alpha })),
  };
}

const ours = (file) => import(pathToFileURL(path.join(dist, file)).href);

function summary(cases, orders, { candidates, alpha }) {
  const over = (name, metric) => {
    if (orders.some((lists) => lists[name] === undefined)) return null;
    return mean(orders.map((lists, i) => metric(lists[name], cases[i].relevant)));
  };
  const metrics = {
    mrr10: (gains) => reciprocalRank(gains, K),
    ndcg10: (gains, relevant) => ndcg(gains, relevant, K),
  };
  const of = (metric) =>
    Object.fromEntries(['base', 'reranked', 'blended'].map((name) => [name, over(name, metric)]));
  return {
    queries: cases.length,
    candidates,
    alpha,
    mrr10: of(metrics.mrr10),
    ndcg10: of(metrics.ndcg10),
    ceiling: over('base', (gains) => Number(gains.some((gain) => gain > 0))),
  };
}

/** Starts Chromium with the package and the model, calls `work(score, status)`, and ends it all. */
async function withModel({ load, modelFolder }, work) {
  const executablePath = findChromium();
  if (!executablePath) throw new SetupError('no Chromium found; set CHROME_PATH, or run "npm run setup"');
  const site = mkdtempSync(path.join(os.tmpdir(), 'crossrank-eval-'));
  writeFileSync(
    path.join(site, 'index.html'),
    '<!doctype html><title>eval</title><script type="module" src="/evaluate/page.js"></script>',
  );
  const server = await serveMounts({
    '/pkg/': path.join(root, 'pkg'),
    '/crossrank-model-code/': path.join(root, 'model'),
    '/evaluate/': import.meta.dirname,
    ...(modelFolder && { '/model/': modelFolder }),
    '/': site,
  });
  const browser = await chromium.launch({ executablePath, args: chromiumArgs });
  try {
    const page = await browser.newPage();
    await page.goto(`${server.origin}/`);
    await page.waitForFunction(() => globalThis.ready, undefined, { timeout: 120_000 });
    const wanted = { ...load, model: modelFolder ? '/model/' : load.model };
    const status = await page.evaluate((options) => load(options), wanted).catch(stop);
    const score = (query, documents) =>
      page.evaluate(([q, d]) => globalThis.score(q, d), [query, documents]).catch(stop);
    await work(score, status);
  } finally {
    await browser.close();
    await server.close();
    rmSync(site, { recursive: true, force: true });
  }
}

function stop(error) {
  throw new SetupError(error.message.replace(/^page\.evaluate: /, ''));
}

function progress(done, all, began) {
  if (!process.stderr.isTTY) return;
  const left = (((performance.now() - began) / done) * (all - done)) / 1000;
  process.stderr.write(
    `\r${done}/${all} queries, about ${left.toFixed(0)} s left   ${done === all ? '\r\x1b[K' : ''}`,
  );
}

const orderNames = ['base', 'reranked', 'blended'];
const head = [
  `                               MRR@${K}                        nDCG@${K}`,
  `benchmark            queries ${[...orderNames, ...orderNames].map((name) => name.padStart(9)).join(' ')}  ceiling  seconds`,
].join('\n');

function line({ benchmark, queries, mrr10, ndcg10, ceiling, seconds }) {
  const cell = (value) => (value === null ? '-' : value.toFixed(3)).padStart(9);
  const cells = [
    ...orderNames.map((name) => cell(mrr10[name])),
    ...orderNames.map((name) => cell(ndcg10[name])),
  ];
  const end = `${ceiling.toFixed(3).padStart(8)} ${seconds.toFixed(0).padStart(8)}`;
  return `${benchmark.padEnd(20)} ${String(queries).padStart(7)} ${cells.join(' ')} ${end}`;
}
