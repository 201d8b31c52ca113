// The first snippet of the README, taken from the file and run as it stands, in a page that knows `crossrank` by an
// import map. What it prints must be what the README says it prints.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { useBrowser } from '../support/browser.mjs';
import { root } from '../support/server.mjs';
import { test } from '../support/test.mjs';

const open = useBrowser();
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');

/** All fenced blocks: their language and text, in order. */
const blocks = [...readme.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language, text]) => ({
  language,
  text,
}));
const place = blocks.findIndex(
  ({ language, text }) => /^(js|ts)$/.test(language) && text.includes('Reranker.load('),
);

test('the first snippet of the README runs as it stands and prints what the README says', {
  timeout: 120_000,
}, async (t) => {
  assert.ok(place >= 0, 'README.md has a js block with Reranker.load(');
  const snippet = blocks[place].text;
  const importMap = { imports: { crossrank: '/pkg/dist/index.js' } };
  const html = `<!doctype html><title>readme</title><script type="importmap">${JSON.stringify(importMap)}</script>
    <script type="module" src="/snippet.js"></script>`;
  const files = { '/readme.html': html, '/snippet.js': `${snippet}\nglobalThis.finished = true;\n` };
  const { page, server } = await open(t, { files });
  const [printed, failures] = [[], []];
  page.on('console', (message) => message.type() === 'log' && printed.push(message.text()));
  page.on('pageerror', (error) => failures.push(String(error)));
  await page.goto(server.url('/readme.html'));
  await page
    .waitForFunction(() => globalThis.finished === true, undefined, { timeout: 60_000 })
    .catch(() => {});
  assert.deepEqual(failures, []);
  assert.ok(printed.length > 0, 'the snippet prints something');
  const expected = blocks[place + 1];
  assert.ok(
    ['', 'text', 'txt', 'console'].includes(expected?.language),
    'the block after the snippet is its output',
  );
  assert.equal(printed.join('\n'), expected.text.trim());
});
