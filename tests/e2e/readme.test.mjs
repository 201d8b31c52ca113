// Snippets of the README and of the quick start, taken from the files and run as they stand, in a page that knows
// `crossrank` by an import map. What the README's comments say is printed: same order, same scores as far as digits are
// shown.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { useBrowser } from '../support/browser.mjs';
import { root } from '../support/server.mjs';
import { test } from '../support/test.mjs';

const open = useBrowser();

/** The first JavaScript block of a page that has `part` in it. */
function snippetOf(file, part) {
  const text = readFileSync(path.join(root, file), 'utf8');
  const blocks = [...text.matchAll(/^```(?:js|ts)\n([\s\S]*?)^```$/gm)].map(([, block]) => block);
  const snippet = blocks.find((block) => block.includes(part));
  assert.ok(snippet, `${file} has a js block with ${part}`);
  return snippet;
}

/** Runs a module in a page and gives what it prints. `around` stands before and after it. */
async function run(t, snippet, [before, after] = ['', '']) {
  const importMap = JSON.stringify({ imports: { crossrank: '/pkg/dist/index.js' } });
  const html = `<!doctype html><title>readme</title><script type="importmap">${importMap}</script>
    <script type="module" src="/snippet.js"></script>`;
  const script = `${before}\n${snippet}\n${after}\nglobalThis.finished = true;\n`;
  const { page, server } = await open(t, { files: { '/readme.html': html, '/snippet.js': script } });
  const failures = [];
  page.on('pageerror', (error) => failures.push(String(error)));
  await page.addInitScript(() => {
    globalThis.printed = [];
    console.log = (...values) => printed.push(...values);
  });
  await page.goto(server.url('/readme.html'));
  await page
    .waitForFunction(() => globalThis.finished === true, undefined, { timeout: 120_000 })
    .catch(() => {});
  assert.deepEqual(failures, []);
  return await page.evaluate(() => printed);
}

const slow = { timeout: 180_000 };

test(
  'the first snippet of the README runs as it stands and prints what its comments say',
  slow,
  async (t) => {
    const snippet = snippetOf('README.md', 'Reranker.load()');
    const printed = await run(t, snippet);

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
  },
);

test('the quick start: ranking', slow, async (t) => {
  const printed = await run(t, snippetOf('docs/quick-start.md', 'Reranker.load()'));
  assert.equal(printed.length, 1);
  assert.match(printed[0], /^## Retries/);
});

test('the quick start: a search box shows the plain hits, then the better order', slow, async (t) => {
  const before = `import { Reranker } from 'crossrank';
    const hits = [{ body: 'def add(a, b): return a + b', score: 2 },
      { body: '## Retries\\n\\nSet maxRetries to 0 to turn retries off.', score: 2 }];
    const index = { search: () => hits };
    const searchBox = new EventTarget();
    const onProgress = () => {};
    const show = (results) => console.log(results.map((hit) => hits.indexOf(hit)).join());`;
  const after = `await search('not focused yet');
    searchBox.dispatchEvent(new Event('focus'));
    await search('how do I switch retries off');`;
  const printed = await run(t, snippetOf('docs/quick-start.md', 'searchBox.addEventListener'), [
    before,
    after,
  ]);
  assert.deepEqual(printed, ['0,1', '0,1', '1,0']);
});
