// A model that is replaced on its server while a page uses it, mostly with the fake engine: its scores tell which version
// gave them. Every call settles, with the scores of one version, and a version that cannot be used changes nothing.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { goto, useBrowser } from '../support/browser.mjs';
import { fakeEngine, fakeFolder, fakeVersion, projectFolder } from '../support/models.mjs';
import { root } from '../support/server.mjs';
import { test } from '../support/test.mjs';

const open = useBrowser();
const first = { ...fakeEngine, files: { ...fakeEngine.files, ...fakeVersion(1000) } };
const EVERY = 1000;

/** Loads into the page with events kept; `workers` are made so that the test can kill them. */
const load = (page, options = {}) =>
  page.evaluate(
    async ([options, every]) => {
      globalThis.reloads = [];
      const onReload = (event) => reloads.push(event.error ? { ...event, error: event.error.code } : event);
      globalThis.version = async () => {
        const [score] = await reranker.predict([['q', 'x']]);
        return score - 1;
      };
      return await globalThis.load({
        model: '/fake/',
        createWorker,
        reloadEvery: every,
        onReload,
        ...options,
      });
    },
    [options, EVERY],
  );

/** Replaces the folder on the server. */
const publish = (server, n) => Object.assign(server.files, fakeVersion(n));

const until = (page, condition, argument) =>
  page.waitForFunction(condition, argument, { timeout: 30_000, polling: 50 });

const reloaded = (page, count = 1) =>
  until(page, (n) => reloads.filter(({ outcome }) => outcome === 'reloaded').length >= n, count);

const failed = (page, count = 1) =>
  until(page, (n) => reloads.filter(({ outcome }) => outcome === 'failed').length >= n, count);

const cached = (page, part) =>
  page.evaluate(async (part) => {
    const keys = await (await caches.open('crossrank-v1')).keys();
    return keys.map(({ url }) => url).filter((url) => url.includes(part)).length;
  }, part);

test('a model that is replaced under running calls: every call settles, each with one version, and the new one takes over', async (t) => {
  const { page, server } = await open(t, first);
  const status = await load(page, { workers: 2 });
  assert.deepEqual(status.reload, { state: 'idle', checks: 0, reloads: 0, error: null });
  await page.evaluate(() => {
    globalThis.outcomes = [];
    globalThis.running = true;
    // Overlapping calls without a pause, some with a slow batch, until the test says stop.
    const loop = async (what) => {
      while (running) {
        const call = reranker.rank('q', ['a', 'bb', `!${what}`, 'dddd']);
        outcomes.push(await outcome(call));
      }
    };
    globalThis.loops = Promise.all(['slow', 'slow', ''].map(loop));
  });
  await until(page, () => outcomes.length > 5);
  publish(server, 2000);
  await reloaded(page);
  const count = await page.evaluate(() => outcomes.length);
  await until(page, (n) => outcomes.length > n + 10, count);
  const result = await page.evaluate(async () => {
    running = false;
    await loops;
    return { outcomes, status: reranker.status, reloads, version: await version() };
  });
  assert.deepEqual(
    result.outcomes.filter(({ error }) => error),
    [],
    'no call was dropped',
  );
  const versions = result.outcomes.map(({ value }) => {
    const adds = value.map(({ score, document }) => score - document.length);
    assert.equal(new Set(adds).size, 1, 'one call, one version');
    return adds[0];
  });
  assert.deepEqual(new Set(versions), new Set([1000, 2000]));
  assert.deepEqual(result.reloads, [{ outcome: 'reloaded', model: 'version-2000' }]);
  assert.equal(result.version, 2000);
  const { model, reload, calls, restarts } = result.status;
  assert.deepEqual([model.id, reload.reloads, reload.error, restarts], ['version-2000', 1, null, 0]);
  assert.equal(calls, result.outcomes.length, 'the counters go on');
});

test('a call that lasts keeps its workers until it ends; newer calls do not wait for it', async (t) => {
  const { page, server } = await open(t, first);
  await load(page);
  await page.evaluate(() => {
    globalThis.stop = new AbortController();
    globalThis.held = outcome(reranker.rank('hold', ['x'], { signal: stop.signal }));
  });
  publish(server, 2000);
  await reloaded(page);
  const result = await page.evaluate(async () => {
    const during = { version: await version(), workers: workers.length };
    stop.abort();
    return { during, held: (await held).error.code };
  });
  assert.deepEqual(result, { during: { version: 2000, workers: 2 }, held: 'ABORTED' });
});

test('dispose ends what runs on both versions, and stops looking', async (t) => {
  const { page, server } = await open(t, first);
  await load(page);
  await page.evaluate(() => {
    globalThis.held = outcome(reranker.rank('hold', ['x']));
  });
  publish(server, 2000);
  await reloaded(page);
  const codes = await page.evaluate(async () => {
    const later = outcome(reranker.rank('hold', ['x']));
    await reranker.dispose();
    return [(await held).error.code, (await later).error.code];
  });
  assert.deepEqual(codes, ['DISPOSED', 'DISPOSED']);
  server.forget();
  await page.waitForTimeout(2.5 * EVERY);
  assert.deepEqual(server.requests('/fake/'), []);
});

test('a load from the cache serves the kept version at once and then the new one; without the option it is not looked for', async (t) => {
  const { page, server } = await open(t, first);
  await load(page);
  publish(server, 2000);
  server.forget();
  await goto(page, server);
  await page.evaluate(async () => {
    await globalThis.load({ model: '/fake/' });
    globalThis.loaded = reranker.status;
  });
  assert.equal(await page.evaluate(() => loaded.model.id), 'version-1000');
  assert.equal(await page.evaluate(() => loaded.reload), null);
  assert.deepEqual(server.requests('/fake/'), []);

  await goto(page, server);
  assert.equal((await load(page, { reloadEvery: Number.POSITIVE_INFINITY })).model.id, 'version-1000');
  await reloaded(page);
  assert.equal(await page.evaluate(() => version()), 2000);
  server.forget();
  await page.waitForTimeout(2 * EVERY);
  assert.deepEqual(server.requests('/fake/'), [], 'Infinity looks once');

  // The new version is the kept one now: it loads without a request, and the old one's files are gone.
  await goto(page, server);
  await page.evaluate(() => globalThis.load({ model: '/fake/' }));
  assert.equal(await page.evaluate(() => reranker.status.model.id), 'version-2000');
  assert.deepEqual(server.requests('/fake/'), []);
  assert.equal(await cached(page, '/fake/'), 8);
});

test('an unchanged manifest costs a conditional request and no file', async (t) => {
  const { page, server } = await open(t, {
    ...first,
    etags: true,
    headers: { 'cache-control': 'max-age=3600' },
  });
  await load(page);
  server.forget();
  await until(page, () => reranker.status.reload.checks >= 2 && reranker.status.reload.state === 'idle');
  assert.deepEqual([...new Set(server.requests('/fake/'))], ['/fake/manifest.json']);
  assert.deepEqual(server.notModified(), server.requests('/fake/'));
  assert.equal(await page.evaluate(() => reranker.status.reload.reloads), 0);
});

for (const [name, damage, code] of [
  [
    'a shard with wrong bytes',
    (files) => (files['/fake/model-002.bin'] = Buffer.alloc(1000, 'x')),
    'INTEGRITY',
  ],
  ['a shard that is missing', (files) => delete files['/fake/model-002.bin'], 'NETWORK'],
  [
    'a model that the engine refuses',
    (files) => Object.assign(files, fakeFolder('/fake/', '"invalid"')),
    'MODEL_INVALID',
  ],
  [
    'a model that breaks the engine',
    (files) => Object.assign(files, fakeFolder('/fake/', '"trap"')),
    'MODEL_INVALID',
  ],
  ['a manifest that is none', (files) => (files['/fake/manifest.json'] = '{'), 'MODEL_INVALID'],
  [
    'a model that reads less than maxLength says',
    (files) => Object.assign(files, fakeFolder('/fake/', '{"positions": 64}')),
    'OPTION',
  ],
]) {
  test(`${name} keeps the old version, in this page and the next, until a good one comes`, async (t) => {
    const { page, server } = await open(t, first);
    await load(page, { maxLength: 128 });
    publish(server, 2000);
    damage(server.files);
    await failed(page);
    const during = await page.evaluate(async () => ({
      version: await version(),
      status: { ...reranker.status.reload, error: reranker.status.reload.error?.code },
      state: reranker.status.state,
      reloads,
    }));
    assert.equal(during.version, 1000);
    assert.deepEqual([during.status.error, during.status.reloads, during.state], [code, 0, 'ready']);
    assert.equal(during.reloads[0].error, code);

    server.forget();
    await goto(page, server);
    await page.evaluate(() => globalThis.load({ model: '/fake/', maxLength: 128 }));
    assert.equal(await page.evaluate(() => reranker.status.model.id), 'version-1000');
    assert.deepEqual(server.requests('/fake/'), [], 'the old version is still the kept one');

    await load(page, { maxLength: 128 });
    publish(server, 3000);
    await reloaded(page);
    assert.equal(await page.evaluate(() => version()), 3000);
    assert.equal(await page.evaluate(() => reranker.status.reload.error), null);
    await until(page, async () => {
      const keys = await (await caches.open('crossrank-v1')).keys();
      return keys.length === 8;
    });
  });
}

test('a version that fails is passed over for some checks, and taken when its files are right', async (t) => {
  const { page, server } = await open(t, first);
  await load(page);
  publish(server, 2000);
  server.files['/fake/model-002.bin'] = Buffer.alloc(1000, 'x');
  await failed(page);
  server.forget();
  await until(page, () => reranker.status.reload.checks >= 2 && reranker.status.reload.state === 'idle');
  assert.deepEqual([...new Set(server.requests('/fake/'))], ['/fake/manifest.json'], 'passed over once');
  publish(server, 2000);
  await reloaded(page);
  const asked = server.requests('/fake/').filter((file) => !file.endsWith('manifest.json'));
  assert.ok(!asked.includes('/fake/model-000.bin'), 'what was right is not downloaded again');
  assert.equal(await page.evaluate(() => version()), 2000);
});

test('no connection is no new version: calls go on, and the check after it works', async (t) => {
  const { page, server, context } = await open(t, first);
  await load(page);
  await context.setOffline(true);
  await failed(page);
  assert.deepEqual(await page.evaluate(async () => [await version(), reloads[0].error]), [1000, 'NETWORK']);
  await context.setOffline(false);
  publish(server, 2000);
  await reloaded(page);
  assert.equal(await page.evaluate(() => version()), 2000);
});

test('a worker that is lost while the other tab has the new version already comes back with the old one', async (t) => {
  const { page, server, context } = await open(t, first);
  const other = await context.newPage();
  await goto(other, server);
  // This tab never looks; the other one does.
  await page.evaluate(() => globalThis.load({ model: '/fake/', createWorker, workers: 2 }));
  await load(other);
  publish(server, 2000);
  await reloaded(other);
  assert.equal(
    await cached(other, '/fake/'),
    14,
    'the files of both versions, of which one is the same: one tab still uses the old ones',
  );
  const scores = await page.evaluate(async () => {
    kills.terminate(workers[0]);
    while (reranker.status.workers > 0) await pause(20);
    await reranker.warmup();
    const all = await reranker.predict(Array.from({ length: 12 }, () => ['q', 'x']));
    return { scores: [...all], workers: reranker.status.last.workers, id: reranker.status.model.id };
  });
  assert.deepEqual(new Set(scores.scores), new Set([1001]), 'no mixture of versions');
  assert.deepEqual([scores.workers, scores.id], [2, 'version-1000']);
  // And it did not make the old one the kept one again.
  await goto(page, server);
  await page.evaluate(() => globalThis.load({ model: '/fake/' }));
  assert.equal(await page.evaluate(() => reranker.status.model.id), 'version-2000');
});

test('warmup that is overtaken by a reload warms the new workers', async (t) => {
  const { page, server } = await open(t, { ...first, files: { ...first.files, '/mute.js': '' } });
  await load(page);
  await page.evaluate(async () => {
    await reranker.dispose();
    let made = 0;
    // The second worker never answers, so that the warmup of the old version cannot end.
    const createWorker = () =>
      ++made === 2 ? new Worker('/mute.js', { type: 'module' }) : globalThis.createWorker();
    const onReload = (event) => reloads.push(event);
    await globalThis.load({ model: '/fake/', workers: 3, reloadEvery: 1000, createWorker, onReload });
    globalThis.warm = outcome(reranker.warmup());
  });
  publish(server, 2000);
  await reloaded(page);
  const result = await page.evaluate(async () => ({ error: (await warm).error, status: reranker.status }));
  assert.equal(result.error, undefined);
  assert.deepEqual([result.status.workers, result.status.model.id], [3, 'version-2000']);
});

test('a model that is replaced in the middle of its first load is loaded in its new version', async (t) => {
  const { page, server } = await open(t, first);
  // The first three shards are asked for at once, the others when they have come.
  server.fault('model-000.bin', 'slow', 1);
  const loading = load(page, { reloadEvery: undefined });
  while (server.requests('model-000').length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  publish(server, 2000);
  assert.equal((await loading).model.id, 'version-2000');
  assert.equal(await page.evaluate(() => version()), 2000);
});

test('options: a model without a manifest, too short a time, a listener that throws', async (t) => {
  const { page, server } = await open(t, first);
  const outcomes = await page.evaluate(async () => {
    const load = (options) => outcome(crossrank.Reranker.load(options));
    return [
      await load({ reloadEvery: 2000 }),
      await load({ model: '/fake/', reloadEvery: 10 }),
      await load({ model: '/fake/', reloadEvery: Number.NaN }),
      await load({ model: '/fake/', onReload: 'x' }),
    ];
  });
  for (const { error } of outcomes) assert.equal(error.code, 'OPTION');
  assert.match(outcomes[0].error.message, /comes with the package/);
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.evaluate(async () => {
    globalThis.told = 0;
    const onReload = () => {
      told += 1;
      throw new Error('of the page');
    };
    await globalThis.load({ model: '/fake/', reloadEvery: 1000, onReload });
  });
  publish(server, 2000);
  await until(page, () => told === 1 && reranker.status.model.id === 'version-2000');
  assert.deepEqual(errors, ['of the page']);
});

test('the real engine: other weights in the same folder score otherwise after the reload', {
  timeout: 120_000,
}, async (t) => {
  const { page, server } = await open(t, { files: projectFolder() });
  await load(page, { model: '/project/', precision: 'f32' });
  const rank = () => page.evaluate(() => reranker.rank('open a file', ['fn close()', 'fn open(path)', 'x']));
  const before = await rank();
  const rounded = readFileSync(path.join(root, 'tests/fixtures/tiny-bf16/model.safetensors'));
  Object.assign(server.files, projectFolder('/project/', 60_000, rounded, 'tiny-rounded'));
  await reloaded(page);
  const after = await rank();
  assert.notDeepEqual(after, before);
  for (const { index, score } of after) {
    const old = before.find((result) => result.index === index).score;
    assert.ok(Math.abs(score - old) < 0.2 && score !== old, `${score} after ${old}`);
  }
  assert.equal(await page.evaluate(() => reranker.status.model.id), 'tiny-rounded');
});
