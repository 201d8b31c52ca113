// The package as it is, without a bundler: a page asks for all modules of an entry at once. So a module is asked for even
// where one that leads to it does not come.
import assert from 'node:assert/strict';
import { useBrowser } from '../support/browser.mjs';
import { test } from '../support/test.mjs';

const open = useBrowser();

for (const [entry, missing, deepest] of [
  ['index.js', 'pkg/dist/reranker.js', ['pkg/dist/pool.js', 'pkg/dist/protocol.js', 'assets/progress.js']],
  ['cdn.js', 'pkg/dist/index.js', ['pkg/dist/reranker.js', 'pkg/dist/protocol.js']],
  ['worker.js', 'pkg/dist/engine.js', ['pkg/dist/glue.js', 'pkg/dist/deadline.js', 'assets/download.js']],
  ['feedback/index.js', 'feedback/log.js', ['feedback/store.js', 'pkg/dist/text.js']],
]) {
  test(`${entry}: modules are not asked for level by level`, async (t) => {
    const { page, server } = await open(t, {
      files: { '/empty.html': '<!doctype html><title>empty</title>' },
    });
    // Without what the test page has fetched.
    const context = await page.context().browser().newContext();
    t.after(() => context.close());
    const fresh = await context.newPage();
    await fresh.goto(server.url('/empty.html'));
    server.fault(missing, 'stall');
    const before = deepest.map((name) => server.requests(name).length);
    await fresh.evaluate((entry) => {
      const url = `/pkg/dist/${entry}`;
      if (entry === 'worker.js') globalThis.worker = new Worker(url, { type: 'module' });
      else import(url).catch(() => {});
    }, entry);
    const asked = () => deepest.filter((name, i) => server.requests(name).length > before[i]);
    for (let tries = 0; asked().length < deepest.length && tries < 100; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(asked(), deepest);
  });
}
