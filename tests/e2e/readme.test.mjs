// The first snippet of the README, taken from the file and run as it stands, in a page that knows `crossrank` by an
// import map. What it prints must be what its comments say: same order, same scores as far as digits are shown.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { useBrowser } from '../support/browser.mjs';
import { root } from '../support/server.mjs';
import { test } from '../support/test.mjs';

const open = useBrowser();

test('the first snippet of the README runs as it stands and prints what its comments say', async (t) => {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/^```(?:js|ts)\n([\s\S]*?)^```$/gm)].map(([, text]) => text);
  const snippet = blocks.find((text) => text.includes('Reranker.load()'));
  assert.ok(snippet, 'README.md has a js block with Reranker.load()');

  const importMap = JSON.stringify({ imports: { crossrank: '/pkg/dist/index.js' } });
  const html = `<!doctype html><title>readme</title><script type="importmap">${importMap}</script>
    <script type="module" src="/snippet.js"></script>`;
  const files = { '/readme.html': html, '/snippet.js': `${snippet}\nglobalThis.finished = true;\n` };
  const { page, server } = await open(t, { files });
  const failures = [];
  page.on('pageerror', (error) => failures.push(String(error)));
  await page.addInitScript(() => {
    globalThis.printed = [];
    console.log = (...values) => printed.push(...values);
  });
  await page.goto(server.url('/readme.html'));
  await page
    .waitForFunction(() => globalThis.finished === true, undefined, { timeout: 45_000 })
    .catch(() => {});
  assert.deepEqual(failures, []);
  const printed = await page.evaluate(() => printed);

  const shown = [
    ...snippet.matchAll(
      /^\/\/.*\{ index: (\d+), score: (-?\d+\.(\d+)), (?:scored: true, )?document: '(.*)'/gm,
    ),
  ];
  assert.ok(shown.length > 0, 'comments show the output');
  assert.equal(printed.length, 1);
  assert.equal(printed[0].length, shown.length);
  for (const [i, [, index, score, digits, start]] of shown.entries()) {
    const got = printed[0][i];
    assert.equal(got.index, Number(index));
    const rounding = 0.5 * 10 ** -digits.length + 1e-3;
    assert.ok(Math.abs(got.score - Number(score)) <= rounding, `score ${got.score}, README says ${score}`);
    const text = start.replaceAll('\\n', '\n').replace(/\s*…$/, '');
    assert.ok(got.document.startsWith(text), `document ${i} begins as shown`);
  }
});
