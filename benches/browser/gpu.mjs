// `npm run bench -- --gpu`: what one call costs on WebGPU, counted at the browser's own functions, for us and for the
// peer with its two forms of the weights. Chromium's software adapter does the work, so nothing is timed but the ratio
// to the peer on one pair. Short documents: the counts do not depend on their length, and software is slow.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { swiftShaderArgs } from '../../scripts/chromium.mjs';
import { serveMounts } from '../../scripts/mounts.mjs';
import { root } from '../../scripts/paths.mjs';
import { evaluate, withBrowser } from './chromium.mjs';
import { machine, preparePeer, save } from './main.mjs';
import { peerModules, peerVersion, peerWeights } from './peer.mjs';
import { readChunks } from './workloads.mjs';

const query = 'edit distance';
/** Characters of a document of the counted calls: some 5 tokens, and some 200 for the pair that is timed. */
const SHORT_CHARS = 16;
const LONG_CHARS = 700;
const CALLS = [20, 100];
const TIMED_RUNS = 2;
/** Software takes minutes for a call of 100 pairs. */
const TIMEOUT_MS = 1_200_000;

const say = (text) => console.log(`  ${text}`);

export async function benchGpu(options) {
  const peerModel = preparePeer(options.peerModel);
  const server = await serveMounts({
    '/pkg/': path.join(root, 'pkg'),
    '/model/': path.join(root, 'model'),
    '/crossrank-model-code/': path.join(root, 'model'),
    '/benches/': path.join(root, 'benches/browser'),
    ...(options.model && { '/other-model/': options.model }),
    ...(peerModel && { '/peer/': peerModules, '/peer-model/': peerModel }),
  });
  try {
    const rows = [];
    const run = { machine: machine(), peer: peerModel && peerVersion };
    for (const engine of engines(options, peerModel)) {
      rows.push(await measure(server.origin, engine));
      save(options.json, { ...run, rows });
    }
    print(rows);
    console.log(`All numbers: ${path.relative(process.cwd(), options.json)}`);
  } finally {
    await server.close();
  }
}

function engines({ model }, peerModel) {
  const ours = { device: 'webgpu', workers: 1, ...(model && { model: '/other-model/' }) };
  const peers = Object.entries(peerWeights)
    .filter(([, file]) => peerModel !== undefined && existsSync(path.join(peerModel, file)))
    .map(([dtype]) => ({ name: `peer ${dtype}`, kind: 'gpu-peer', options: { device: 'webgpu', dtype } }));
  return [{ name: 'crossrank', kind: 'gpu-client', options: ours }, ...peers];
}

async function measure(origin, engine) {
  const texts = readChunks().map(({ text }) => text);
  const pairs = (count, chars) => texts.slice(0, count).map((text) => [query, text.slice(0, chars)]);
  const [timed] = texts.filter((text) => text.length >= LONG_CHARS);
  return await withBrowser(async ({ page }) => {
    page.setDefaultTimeout(TIMEOUT_MS);
    await page.goto(`${origin}/benches/page/page.html`);
    await page.waitForFunction(() => globalThis.bench !== undefined);
    const call = (script, argument) => evaluate(page, script, argument, TIMEOUT_MS);
    const [pair] = pairs(1, SHORT_CHARS);
    await call(([engine, pair]) => bench.start(engine, pair), [engine, pair]);
    const run = (all) => call(([name, all]) => bench.run(name, all, 1), [engine.name, all]);
    const counts = () => call(() => bench.counts());
    say(`${engine.name}: one pair`);
    const start = await counts();
    const times = [];
    for (let i = 0; i < TIMED_RUNS; i += 1) {
      times.push((await run([[query, timed.slice(0, LONG_CHARS)]])).ms);
    }
    await counts();
    const calls = {};
    for (const count of CALLS) {
      say(`${engine.name}: ${count} pairs`);
      const { ms, scores } = await run(pairs(count, SHORT_CHARS));
      calls[count] = { ...(await counts()), ms, scores };
    }
    return { name: engine.name, start, onePairMs: Math.min(...times), calls };
  }, swiftShaderArgs);
}

function print(rows) {
  const columns = ['dispatches', 'submits', 'readbacks', 'writtenBytes', 'readBytes', 'pipelines'];
  const lines = rows.flatMap(({ name, calls }) =>
    Object.entries(calls).map(([count, call]) => [name, count, ...columns.map((column) => call[column])]),
  );
  const table = [['engine', 'pairs', ...columns], ...lines];
  for (const line of table) console.log(line.map((cell) => String(cell).padStart(14)).join(''));
  const [ours, ...peers] = rows;
  for (const peer of peers) {
    const ratio = ours.onePairMs / peer.onePairMs;
    console.log(`one pair in software: ${ratio.toFixed(2)} times the ${peer.name}'s time`);
  }
}
