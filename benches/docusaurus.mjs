// How long a reader of a Docusaurus site waits: `node benches/docusaurus.mjs [rounds]`, after `npm run build`. Builds a
// site with the own search from this project's docs, opens it in Chromium with the model in the cache, and for each
// round takes a fresh page, presses Ctrl+K and puts in a question at once. Every question has 30 candidates.
//
//   box, base results, first reranked result: ms from the key to when it is in the page
//   next question: ms from its input to the reranked results, in the same page
//
// CPU is what all processes of the browser used in that time; a machine with other work changes it little.

import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { chromiumArgs, findChromium } from '../scripts/chromium.mjs';
import { root } from '../scripts/paths.mjs';
import { aliasesOf, BASE, buildSite, emptySite } from '../tests/docusaurus/support/sites.mjs';
import { startServer } from '../tests/support/server.mjs';
import { cpuSeconds } from './browser/proc.mjs';

const CONFIG = `module.exports = {
  title: 'crossrank', url: 'https://example.org', baseUrl: '${BASE}', future: { v4: true },
  onBrokenLinks: 'ignore', onBrokenAnchors: 'ignore',
  markdown: { format: 'detect', hooks: { onBrokenMarkdownLinks: 'ignore', onBrokenMarkdownImages: 'ignore' } },
  presets: [['classic', { docs: { routeBasePath: '/' }, blog: false }]],
  plugins: [['docusaurus-plugin-crossrank', { budgetMs: 60000, workers: 1 }]],
};
`;
const QUESTIONS = [
  'how do I keep the model in the cache for offline use',
  'what happens when a worker is lost during a call',
  'which header does the server have to send for wasm',
  'how are the pairs shared between the workers',
  'why is the first call slower than the next call',
];
const rounds = Number(process.argv[2] ?? QUESTIONS.length);

/** Runs in the page: when each state of the search was reached, in ms of the page's clock. */
function watch() {
  globalThis.reached = {};
  const note = (name) => {
    globalThis.reached[name] ??= performance.now();
  };
  new MutationObserver(() => {
    if (document.querySelector('dialog[open]')) note('box');
    if (document.querySelector('[role=option]')) note('base');
    if (document.querySelector('[data-crossrank-order=reranked]')) note('reranked');
    if (document.documentElement.dataset.crossrank === 'ready') note('model');
  }).observe(document, { subtree: true, childList: true, attributes: true });
}

const docs = readdirSync(path.join(root, 'docs'), { recursive: true }).filter((file) => file.endsWith('.md'));
const site = emptySite('bench', {
  'docusaurus.config.js': CONFIG,
  'package.json': JSON.stringify({ private: true, browserslist: ['last 3 chrome version'] }),
  ...Object.fromEntries(
    docs.map((file) => [`docs/${file}`, readFileSync(path.join(root, 'docs', file), 'utf8')]),
  ),
  'docs/index.md': `---\nslug: /\n---\n\n${readFileSync(path.join(root, 'README.md'), 'utf8')}`,
});
const server = await startServer({ aliases: aliasesOf(buildSite(site).build) });
// launchServer, because only a server tells its process.
const browserServer = await chromium.launchServer({ executablePath: findChromium(), args: chromiumArgs });
const browser = await chromium.connect(browserServer.wsEndpoint());
const cpuMs = () => 1000 * (cpuSeconds(browserServer.process().pid) ?? Number.NaN);
const context = await browser.newContext();
await context.addInitScript(watch);

async function newPage() {
  const page = await context.newPage();
  await page.goto(server.url(BASE), { waitUntil: 'networkidle' });
  await page.waitForSelector('html[data-has-hydrated=true]');
  return page;
}

/** One reader: opens the box, asks, and asks again. */
async function round(first, second) {
  const page = await newPage();
  const cpu = [cpuMs()];
  const pressed = await page.evaluate(() => performance.now());
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').fill(first);
  const reranked = () =>
    page.waitForFunction(() => globalThis.reached.reranked !== undefined, undefined, { timeout: 0 });
  await reranked();
  const { box, base, model, reranked: done } = await page.evaluate(() => globalThis.reached);
  await page.evaluate(() => {
    globalThis.reached = {};
  });
  cpu.push(cpuMs());
  const asked = await page.evaluate(() => performance.now());
  await page.getByRole('combobox').fill(second);
  await page
    .waitForFunction(() => document.querySelector('[data-crossrank-order=base]'), undefined, {
      timeout: 5000,
    })
    .catch(() => {});
  await page.evaluate(() => {
    globalThis.reached = {};
  });
  await page.waitForSelector('[data-crossrank-order=reranked]', { timeout: 0 });
  const again = (await page.evaluate(() => globalThis.reached.reranked)) ?? Number.NaN;
  cpu.push(cpuMs());
  await page.close();
  return {
    box: box - pressed,
    base: base - pressed,
    model: model - pressed,
    reranked: done - pressed,
    next: again - asked,
    rerankedCpu: cpu[1] - cpu[0],
    nextCpu: cpu[2] - cpu[1],
  };
}

await round(QUESTIONS[0], QUESTIONS[1]); // fills the caches
const all = [];
for (let i = 0; i < rounds; i++) {
  const load = os.loadavg()[0];
  const times = await round(QUESTIONS[i % QUESTIONS.length], QUESTIONS[(i + 1) % QUESTIONS.length]);
  all.push({ ...times, load });
}
await browser.close();
await browserServer.close();
await server.close();

const column = (name) => all.map((times) => times[name]).sort((a, b) => a - b);
const names = {
  box: 'box open',
  base: 'base results',
  model: 'model ready',
  reranked: 'first reranked result',
  next: 'next question',
  rerankedCpu: 'CPU, first reranked',
  nextCpu: 'CPU, next question',
};
console.log(
  `${os.cpus()[0]?.model ?? 'CPU'}, ${os.cpus().length} cores; ${rounds} rounds; load ${all.map(({ load }) => load.toFixed(1)).join(' ')}`,
);
for (const [name, label] of Object.entries(names)) {
  const times = column(name);
  const [least, median] = [times[0], times[times.length >> 1]];
  console.log(`${label.padEnd(22)} least ${Math.round(least)} ms, median ${Math.round(median)} ms`);
}
