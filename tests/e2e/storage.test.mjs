// Storage that never answers, as in a damaged profile: everything ends all the same, without a cache.
import assert from 'node:assert/strict';
import { useBrowser } from '../support/browser.mjs';
import { fakeEngine, fakeFolder } from '../support/models.mjs';
import { test } from '../support/test.mjs';

const open = useBrowser();
const fake = { ...fakeEngine, files: { ...fakeEngine.files, ...fakeFolder() } };

/** Opens a page whose deadlines pass 200 times as fast. `silence(part)` makes a part of the storage silent. */
async function openHasty(t) {
  const opened = await open(t, fake);
  await opened.page.evaluate(() => {
    const { setInterval } = globalThis;
    globalThis.setInterval = (work, ms, ...rest) => setInterval(work, ms / 200, ...rest);
    const parts = {
      open: [CacheStorage.prototype, 'open'],
      keys: [CacheStorage.prototype, 'keys'],
      match: [Cache.prototype, 'match'],
      put: [Cache.prototype, 'put'],
      'entries to list': [Cache.prototype, 'keys'],
      'bytes of an entry': [Response.prototype, 'arrayBuffer'],
    };
    globalThis.asked = 0;
    globalThis.silence = (part) => {
      const [owner, name] = parts[part];
      owner[name] = () => {
        asked += 1;
        return new Promise(() => {});
      };
    };
  });
  return opened;
}

for (const part of ['open', 'match', 'put']) {
  test(`nothing comes of ${part}: load, calls, further workers and a replacement work uncached`, async (t) => {
    const { page } = await openHasty(t);
    const result = await page.evaluate(async (part) => {
      silence(part);
      const { load, isCached, clearCache } = crossrank.Reranker;
      const reranker = await load({ model: '/fake/', workers: 2, createWorker });
      const first = asked;
      await reranker.warmup();
      const { workers: warm, maxWorkers } = reranker.status;
      for (const worker of workers) kills.error(worker);
      const [hit] = await reranker.rank('q', ['a', 'three', 'bb']);
      const { cached, restarts } = reranker.status;
      const isThere = await isCached('/fake/');
      await clearCache('/fake/');
      await clearCache();
      return { first, warm, maxWorkers, index: hit.index, cached, replaced: restarts > 0, isThere };
    }, part);
    const { first, warm, maxWorkers, ...rest } = result;
    assert.deepEqual(rest, { index: 1, cached: false, replaced: true, isThere: false });
    // Without a cache the page holds the model; a cache that keeps nothing leaves one worker.
    assert.deepEqual([warm, maxWorkers], part === 'open' ? [2, 2] : [1, 1]);
    assert.ok(first <= 1, 'after one question without an answer no other is asked');
  });
}

test('an entry whose bytes do not come is fetched again', async (t) => {
  const { page, server } = await openHasty(t);
  await page.evaluate(() => load({ model: '/fake/' }));
  server.forget();
  const state = await page.evaluate(async () => {
    silence('bytes of an entry');
    return (await crossrank.Reranker.load({ model: '/fake/' })).status.state;
  });
  assert.equal(state, 'ready');
  assert.equal(server.requests('/fake/').length, 8);
});

for (const part of ['keys', 'entries to list']) {
  test(`clearCache ends when nothing comes of ${part}`, async (t) => {
    const { page } = await openHasty(t);
    const asked = await page.evaluate(async (part) => {
      await load({ model: '/fake/' });
      silence(part);
      await crossrank.Reranker.clearCache('/fake/');
      await crossrank.Reranker.clearCache();
      return asked;
    }, part);
    assert.equal(asked, 1);
  });
}
