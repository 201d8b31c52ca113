// Several workers, with the fake engine: they start when they are worth it, share a call, and replace one another.
import assert from 'node:assert/strict';
import { goto, useBrowser } from '../support/browser.mjs';
import { fakeEngine, fakeFolder } from '../support/models.mjs';
import { test } from '../support/test.mjs';

const open = useBrowser();
const withFake = { ...fakeEngine, files: { ...fakeEngine.files, ...fakeFolder() } };

/** Opens a page with a reranker whose workers the test can kill; `warm`: all of them run already. */
async function openPool(t, options = {}, { warm = true, processors, ...serverOptions } = {}) {
  const opened = await open(t, { ...withFake, ...serverOptions });
  if (processors !== undefined) {
    await opened.page.addInitScript((count) => {
      Object.defineProperty(navigator, 'hardwareConcurrency', { value: count });
    }, processors);
    await goto(opened.page, opened.server);
  }
  await opened.page.evaluate(
    async ([options, warm]) => {
      await load({ model: '/fake/', createWorker, ...options });
      if (warm) await reranker.warmup();
      // Documents of different lengths: the fake's score is the length.
      globalThis.documents = (count) =>
        Array.from({ length: count }, (_, i) => 'x'.repeat(1 + ((i * 7) % count)));
      globalThis.plain = (ranked) => ranked.map(({ index, score, scored }) => [index, score, scored]);
    },
    [options, warm],
  );
  return opened;
}

/** What `rank` must give for `documents(count)`. */
function expected(count) {
  const scores = Array.from({ length: count }, (_, i) => 1 + ((i * 7) % count));
  const all = scores.map((score, index) => [index, score, true]);
  return all.sort((a, b) => b[1] - a[1] || a[0] - b[0]);
}

const waitForWorkers = (page, count) =>
  page.waitForFunction((n) => reranker.status.workers === n, count, { timeout: 15_000 });

test('workers start in the background when a call is worth it, later calls use them, and nothing is downloaded twice', async (t) => {
  const { page, server } = await openPool(t, { workers: 3 }, { warm: false });
  const first = await page.evaluate(async () => {
    const before = reranker.status;
    await reranker.rank('q', ['only one']);
    const small = reranker.status;
    const ranked = plain(await reranker.rank('q', documents(30)));
    return { before, small, ranked, last: reranker.status.last };
  });
  assert.deepEqual([first.before.workers, first.before.maxWorkers, first.small.workers], [1, 3, 1]);
  assert.deepEqual(first.ranked, expected(30));
  assert.equal(first.last.workers, 1, 'the call did not wait for the others');
  await waitForWorkers(page, 3);
  server.forget();
  const second = await page.evaluate(async () => ({
    ranked: plain(await reranker.rank('q', documents(30))),
    two: plain(await reranker.rank('q', documents(2))),
    status: reranker.status,
    scores: Array.from(await reranker.predict(documents(9).map((d) => ['q', d]))),
    made: workers.length,
  }));
  assert.deepEqual(second.ranked, expected(30));
  assert.deepEqual(second.two, expected(2));
  assert.equal(second.status.last.workers, 2, 'no worker without a pair');
  assert.equal(second.status.last.pairs, 2);
  assert.deepEqual(second.scores, [1, 8, 6, 4, 2, 9, 7, 5, 3]);
  assert.equal(second.made, 3);
  assert.equal(second.status.workerMemoryBytes.length, 3);
  assert.equal(
    second.status.memoryBytes,
    second.status.workerMemoryBytes.reduce((a, b) => a + b),
  );
  assert.equal(second.status.restarts, 0);
  assert.equal(server.requests('/fake/').length, 0);
});

test('each model file was asked for once, by whichever worker', async (t) => {
  const { server } = await openPool(t, { workers: 3 });
  const asked = server.requests('/fake/');
  assert.equal(new Set(asked).size, asked.length, asked.join());
});

test("'auto' starts one worker for every 4 pairs, one less than there are processors, and at most 4", async (t) => {
  const { page } = await openPool(t, {}, { warm: false, processors: 8 });
  const few = await page.evaluate(async () => {
    await reranker.rank('q', documents(7));
    await pause(300);
    return reranker.status;
  });
  assert.deepEqual([few.workers, few.maxWorkers], [1, 4]);
  await page.evaluate(() => reranker.rank('q', documents(11)));
  await waitForWorkers(page, 2);
  await page.evaluate(() => reranker.rank('q', documents(100)));
  await waitForWorkers(page, 4);
  assert.equal(await page.evaluate(() => workers.length), 4);
});

test('warmup starts all workers and waits for them; an aborted one leaves them to the next', async (t) => {
  const { page } = await openPool(t, { workers: 4 }, { warm: false });
  const result = await page.evaluate(async () => {
    const controller = new AbortController();
    const aborted = outcome(reranker.warmup({ signal: controller.signal }));
    controller.abort();
    await reranker.warmup();
    return { aborted: await aborted, workers: reranker.status.workers };
  });
  assert.equal(result.aborted.error.code, 'ABORTED');
  assert.equal(result.workers, 4);
});

for (const kind of ['terminate', 'error', 'messageerror']) {
  test(`one of several workers ends in mid-call (${kind}): another takes over, and nobody notices`, async (t) => {
    const { page } = await openPool(t, { workers: 2 });
    const result = await page.evaluate(async (kind) => {
      let killed = false;
      const onPartial = () => {
        if (!killed) kills[kind](workers[1]);
        killed = true;
      };
      const calls = [reranker.rank('slow', documents(20), { onPartial }), reranker.rank('q', documents(9))];
      const settled = await Promise.all(calls.map(outcome));
      const { last, workers: alive } = reranker.status;
      await reranker.warmup();
      return {
        settled: settled.map(({ value }) => value && plain(value)),
        last,
        alive,
        after: reranker.status,
      };
    }, kind);
    assert.deepEqual(result.settled, [expected(20), expected(9)]);
    assert.deepEqual([result.after.workers, result.after.restarts], [2, 1]);
    assert.equal(result.after.pairs, 29, 'no pair is counted twice');
  });
}

test('pairs that end every worker cost two of them and the call, not the pool', async (t) => {
  const { page } = await openPool(t, { workers: 3 });
  const result = await page.evaluate(async () => {
    const calls = [reranker.rank('q', [...documents(20), '!trap']), reranker.rank('q', documents(20))];
    const settled = await Promise.all(calls.map(outcome));
    await reranker.warmup();
    const codes = settled.map(({ error, value }) => error?.code ?? plain(value));
    return { codes, status: reranker.status };
  });
  assert.deepEqual(result.codes, ['WORKER_LOST', expected(20)], 'the call behind had the third');
  assert.deepEqual([result.status.workers, result.status.restarts], [3, 2]);
});

test('all workers end at once: every pending call rejects, and the next one starts a fresh worker', async (t) => {
  const { page } = await openPool(t, { workers: 3 });
  const result = await page.evaluate(async () => {
    const calls = [
      reranker.rank('hold', documents(12)),
      reranker.rank('q', documents(3)),
      reranker.predict([['q', 'd']]),
    ];
    const settled = Promise.all(calls.map(outcome));
    await pause(50);
    for (const worker of workers) worker.terminate();
    const codes = (await settled).map(({ error }) => error?.code);
    const stopped = reranker.status;
    const next = plain(await reranker.rank('q', documents(8)));
    await reranker.warmup();
    return { codes, stopped, next, after: reranker.status };
  });
  assert.deepEqual(result.codes, ['WORKER_LOST', 'WORKER_LOST', 'WORKER_LOST']);
  assert.deepEqual([result.stopped.state, result.stopped.workers], ['stopped', 0]);
  assert.deepEqual(result.next, expected(8));
  assert.deepEqual([result.after.workers, result.after.restarts], [3, 3]);
});

test('workers that end at random times: every promise settles, with the right order or WORKER_LOST', async (t) => {
  const { page } = await openPool(t, { workers: 3 });
  const settled = await page.evaluate(async () => {
    const settled = [];
    for (let round = 0; round < 12; round++) {
      await reranker.warmup();
      const alive = workers.slice(-3);
      const calls = [
        reranker.rank('slow', documents(12)),
        reranker.rank('q', documents(12)),
        reranker.rank('slow', documents(12)),
      ].map(outcome);
      for (const worker of alive.slice(0, 1 + (round % 3))) {
        await pause((round * 13) % 40);
        worker.terminate();
      }
      for (const { value, error } of await Promise.all(calls)) settled.push(error?.code ?? plain(value));
    }
    return settled;
  });
  assert.equal(settled.length, 36);
  for (const each of settled) if (each !== 'WORKER_LOST') assert.deepEqual(each, expected(12));
  assert.ok(settled.some((each) => each !== 'WORKER_LOST'));
});

test('an error of one share is the error of the call, and stops the other shares', async (t) => {
  const { page } = await openPool(t, { workers: 2 });
  const result = await page.evaluate(async () => {
    // Both workers have thousands of slow pairs; the one that is not finite comes first in its share.
    const call = await outcome(reranker.rank('slow', ['!nan', ...Array(9000).fill('x')]));
    const next = plain(await reranker.rank('q', documents(8)));
    return { code: call.error?.code, next, made: workers.length };
  });
  assert.equal(result.code, 'NON_FINITE');
  assert.deepEqual(result.next, expected(8));
  assert.equal(result.made, 2);
});

test('calls are served first in, first out, whichever workers are free', async (t) => {
  const { page } = await openPool(t, { workers: 3 });
  const order = await page.evaluate(async () => {
    const order = [];
    const call = (name, query, n) =>
      reranker.predict(Array(n).fill([query, 'd'])).then(() => order.push(name));
    // The longest document is all of the first worker's share, which therefore ends early.
    const uneven = ['x'.repeat(1000), ...Array(20).fill('y'.repeat(50))].map((text) => ['slow', text]);
    await Promise.all([
      reranker.predict(uneven).then(() => order.push('uneven')),
      call('one pair', 'q', 1),
      call('many', 'slow', 9),
      call('two', 'q', 2),
      call('last', 'q', 1),
    ]);
    return order;
  });
  assert.deepEqual(order, ['uneven', 'one pair', 'many', 'two', 'last']);
});

test('idle workers stop but one, a later call starts them again, and none of it counts as a loss', async (t) => {
  const { page } = await openPool(t, { workers: 3, idleMs: 150 });
  assert.equal(await page.evaluate(() => workers.length), 3);
  await waitForWorkers(page, 1);
  const before = await page.evaluate(async () => {
    for (const worker of workers.slice(1)) worker.terminate(); // they have ended; the oldest lives
    return plain(await reranker.rank('q', documents(30)));
  });
  assert.deepEqual(before, expected(30));
  await page.waitForFunction(() => workers.length === 5, undefined, { timeout: 15_000 });
  const status = await page.evaluate(() => reranker.status);
  assert.deepEqual([status.restarts, status.state], [0, 'ready']);
  await waitForWorkers(page, 1);
});

test('a busy pool is not idle', async (t) => {
  const { page } = await openPool(t, { workers: 2, idleMs: 50 });
  const result = await page.evaluate(async () => {
    // They may have been idle since the page was opened.
    await reranker.warmup();
    const ranked = plain(await reranker.rank('slow', documents(40)));
    return { ranked, status: reranker.status };
  });
  assert.deepEqual(result.ranked, expected(40));
  assert.deepEqual([result.status.last.workers, result.status.workers], [2, 2]);
});

test('idleMs: Infinity keeps them', async (t) => {
  const { page } = await openPool(t, { workers: 2, idleMs: Number.POSITIVE_INFINITY });
  await page.evaluate(() => pause(300));
  assert.equal(await page.evaluate(() => reranker.status.workers), 2);
});

test('without a cache the page holds the model: further workers and a replacement need no download', async (t) => {
  const { page, server } = await openPool(t, { workers: 3, cache: false });
  const asked = server.requests('/fake/');
  assert.equal(new Set(asked).size, asked.length, asked.join());
  const result = await page.evaluate(async () => {
    const [size] = reranker.status.workerMemoryBytes;
    for (const worker of workers) kills.error(worker);
    const ranked = plain(await reranker.rank('q', documents(8)));
    await reranker.warmup();
    return { ranked, size, status: reranker.status, keys: await caches.keys() };
  });
  assert.deepEqual(result.ranked, expected(8));
  assert.equal(result.status.workers, 3);
  assert.equal(result.status.model.id, 'fake');
  assert.deepEqual(server.requests('/fake/'), asked);
  assert.deepEqual(result.keys, []);
  const { size } = result;
  assert.equal(size, 5000);
  assert.deepEqual(result.status.workerMemoryBytes, [size, size, size], 'all weights reached each of them');
});

test('a model that a full disk does not keep is not downloaded again for more workers', async (t) => {
  const opened = await open(t, withFake);
  const { page, server, context } = opened;
  const cdp = await context.newCDPSession(page);
  await cdp.send('Storage.overrideQuotaForOrigin', { origin: server.origin, quotaSize: 10 });
  const status = await page.evaluate(async () => {
    await load({ model: '/fake/', createWorker, workers: 3 });
    await reranker.warmup();
    await reranker.rank('q', ['a', 'b', 'c']);
    return reranker.status;
  });
  assert.deepEqual([status.cached, status.workers, status.maxWorkers], [false, 1, 1]);
});

test('a further worker that cannot start costs nothing but itself, and is not tried again', async (t) => {
  const { page } = await open(t, withFake);
  const result = await page.evaluate(async () => {
    let asked = 0;
    const one = () => {
      asked += 1;
      if (asked > 1) throw new Error('no more');
      return createWorker();
    };
    await load({ model: '/fake/', createWorker: one, workers: 3 });
    await reranker.warmup();
    const ranked = await reranker.rank('q', ['a', 'bb', 'ccc']);
    await reranker.warmup();
    return { asked, count: ranked.length, status: reranker.status };
  });
  assert.equal(result.asked, 2);
  assert.equal(result.count, 3);
  assert.deepEqual([result.status.workers, result.status.maxWorkers], [1, 1]);
});

test('dispose ends all workers, also one that is starting, and rejects what is pending', async (t) => {
  const { page } = await openPool(t, { workers: 4 }, { warm: false });
  const codes = await page.evaluate(async () => {
    const calls = [
      reranker.rank('hold', documents(20)),
      reranker.rank('q', documents(20)),
      reranker.warmup(),
    ];
    const settled = Promise.all(calls.map(outcome));
    while (workers.length < 3) await pause(5);
    await reranker.dispose();
    return (await settled).map(({ error }) => error?.code);
  });
  assert.deepEqual(codes, ['DISPOSED', 'DISPOSED', 'DISPOSED']);
  await until(() => page.workers().length === 0);
});

test('100 times load, rank and dispose leave no worker', async (t) => {
  const { page } = await open(t, withFake);
  const good = await page.evaluate(async () => {
    let good = 0;
    for (let i = 0; i < 100; i++) {
      await load({ model: '/fake/', workers: 2 });
      // Half of them are disposed while their second worker starts.
      if (i % 2 === 0) await reranker.warmup();
      const ranked = await reranker.rank('q', ['a', 'bbb', 'cc']);
      if (ranked.map(({ index }) => index).join() === '1,2,0') good += 1;
      await reranker.dispose();
    }
    return good;
  });
  assert.equal(good, 100);
  await until(() => page.workers().length === 0);
});

/** Waits until something that is seen from outside of the page holds. */
async function until(holds) {
  for (let i = 0; i < 200 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.ok(holds());
}
