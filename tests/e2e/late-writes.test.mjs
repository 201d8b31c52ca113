// A model goes into the browser's cache after it is ready. What happens to a page in between.
import assert from 'node:assert/strict';
import { LATE_WRITE_MS } from '../../pkg/dist/limits.js';
import { useBrowser } from '../support/browser.mjs';
import { fakeEngine, fakeFolder } from '../support/models.mjs';
import { test } from '../support/test.mjs';

const open = useBrowser();
const fake = { ...fakeEngine, files: { ...fakeEngine.files, ...fakeFolder() } };
const isWeights = (path) => /model-\d+\.bin$/.test(path);

/** Opens a page whose cache takes nothing until `releaseWrites()`. Only a ready model begins the writes, no timer. */
async function openHeld(t) {
  const opened = await open(t, fake);
  await opened.page.evaluate((lateMs) => {
    const { setTimeout } = globalThis;
    globalThis.setTimeout = (work, ms, ...rest) => (ms === lateMs ? 0 : setTimeout(work, ms, ...rest));
    const { put } = Cache.prototype;
    const released = new Promise((resolve) => {
      globalThis.releaseWrites = resolve;
    });
    Cache.prototype.put = async function (...entry) {
      await released;
      return await put.apply(this, entry);
    };
  }, LATE_WRITE_MS);
  return opened;
}

/** Names of the files in the cache. */
const keptFiles = (page) =>
  page.evaluate(async () => {
    const keys = await (await caches.open('crossrank-v1')).keys();
    return keys.map(({ url }) => new URL(url).pathname.split('/').at(-1)).sort();
  });

const ALL = [
  'config.json',
  'manifest.json',
  'model-000.bin',
  'model-001.bin',
  'model-002.bin',
  'model-003.bin',
  'model-004.bin',
  'tokenizer.json',
];

test('load and calls do not wait for the cache; further workers, a replacement and isCached do', async (t) => {
  const { page, server } = await openHeld(t);
  const before = await page.evaluate(async () => {
    globalThis.reranker = await crossrank.Reranker.load({ model: '/fake/', workers: 2, createWorker });
    const [hit] = await reranker.rank('q', ['a', 'three', 'bb']);
    globalThis.waits = {
      cached: crossrank.Reranker.isCached('/fake/'),
      warm: reranker.warmup().then(() => reranker.status.workers),
    };
    const settled = await Promise.race([...Object.values(waits), pause(300).then(() => 'waiting')]);
    return { hit, settled, status: reranker.status };
  });
  assert.deepEqual([before.hit.index, before.settled], [1, 'waiting']);
  assert.deepEqual([before.status.cached, before.status.workers], [false, 1]);
  assert.deepEqual(await keptFiles(page), []);

  // The one worker that lives is lost; the next call needs the files.
  const after = await page.evaluate(async () => {
    kills.error(workers[0]);
    const ranking = outcome(reranker.rank('q', ['a', 'three', 'bb']));
    const early = await Promise.race([ranking, pause(300).then(() => 'waiting')]);
    releaseWrites();
    const { value, error } = await ranking;
    return { early, index: value?.[0].index, error, cached: await waits.cached, workers: await waits.warm };
  });
  assert.deepEqual(after, { early: 'waiting', index: 1, error: undefined, cached: true, workers: 2 });
  assert.equal(await page.evaluate(() => reranker.status.cached), true);
  assert.deepEqual(await keptFiles(page), ALL);
  const asked = server.requests('/fake/');
  assert.equal(new Set(asked).size, asked.length, asked.join());
});

test('a second load on the page while the first still writes fetches no weights again', async (t) => {
  const { page, server } = await openHeld(t);
  const states = await page.evaluate(async () => {
    await crossrank.Reranker.load({ model: '/fake/' });
    const second = crossrank.Reranker.load({ model: '/fake/' });
    await pause(200);
    releaseWrites();
    return [(await second).status.state, await crossrank.Reranker.isCached('/fake/')];
  });
  assert.deepEqual(states, ['ready', true]);
  assert.equal(server.requests().filter(isWeights).length, 5);
});

for (const model of [undefined, '/fake/']) {
  const name = `clearCache(${model ?? ''})`;
  test(`${name} leaves nothing of what was still to be written, and dispose does not stop the writes`, async (t) => {
    const { page } = await openHeld(t);
    const cached = await page.evaluate(async (model) => {
      const { load, clearCache, isCached } = crossrank.Reranker;
      await load({ model: '/fake/' });
      const clearing = clearCache(model);
      await pause(100);
      releaseWrites();
      await clearing;
      const cleared = await isCached('/fake/');
      await (await load({ model: '/fake/' })).dispose();
      return [cleared, await isCached('/fake/')];
    }, model);
    assert.deepEqual(cached, [false, true]);
  });
}

test('on a slow line a file is written while the next is under way', async (t) => {
  const { page, server } = await open(t, fake);
  server.fault('model-003.bin', 'stall');
  await page.evaluate(() => {
    globalThis.stop = new AbortController();
    globalThis.loading = outcome(crossrank.Reranker.load({ model: '/fake/', signal: stop.signal }));
  });
  const there = ALL.filter((name) => !/manifest|model-003/.test(name));
  while ((await keptFiles(page)).length < there.length)
    await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(await keptFiles(page), there);
  const { error } = await page.evaluate(() => {
    stop.abort();
    return loading;
  });
  assert.equal(error?.code, 'ABORTED');
});

test('what had come whole when a load failed is kept at once', async (t) => {
  const { page, server } = await open(t, fake);
  server.fault('model-003.bin', 'status-404');
  const { error, cached } = await page.evaluate(async () => {
    const { error } = await outcome(crossrank.Reranker.load({ model: '/fake/' }));
    return { error, cached: await crossrank.Reranker.isCached('/fake/') };
  });
  assert.equal(error?.code, 'NETWORK');
  assert.equal(cached, false);
  const kept = await keptFiles(page);
  for (const name of ['config.json', 'tokenizer.json', 'model-000.bin'])
    assert.ok(kept.includes(name), kept.join());
});
