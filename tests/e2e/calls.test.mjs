// Calls and the life of the worker, with the fake engine: every promise settles, in order, and a lost worker is replaced.
import assert from 'node:assert/strict';
import { useBrowser } from '../support/browser.mjs';
import { fakeEngine, fakeFolder } from '../support/models.mjs';
import { test } from '../support/test.mjs';

const open = useBrowser();
const withFake = { ...fakeEngine, files: { ...fakeEngine.files, ...fakeFolder() } };

async function openLoaded(t, serverOptions = {}) {
  const opened = await open(t, { ...withFake, ...serverOptions });
  await opened.page.evaluate(() => load({ model: '/fake/', createWorker }));
  return opened;
}

test('rank gives the documents back, best first, equal scores in input order', async (t) => {
  const { page } = await openLoaded(t);
  const result = await page.evaluate(async () => {
    const documents = ['aa', 'bbbb', 'cc', { text: 'dddd' }, { text: 'x', title: 'T', path: 'a/b' }];
    const ranked = await reranker.rank('q', documents);
    const top = await reranker.rank('q', documents, { topK: 2 });
    return { ranked, top, same: ranked.every(({ index, document }) => documents[index] === document) };
  });
  assert.deepEqual(
    result.ranked.map(({ index, score }) => [index, score]),
    [
      [4, 'a/b\nT\n\nx'.length],
      [1, 4],
      [3, 4],
      [0, 2],
      [2, 2],
    ],
  );
  assert.deepEqual(result.top, result.ranked.slice(0, 2));
  assert.ok(result.same, 'the very objects come back');
});

test('only the text crosses to the worker: documents that cannot be cloned are fine', async (t) => {
  const { page } = await openLoaded(t);
  const score = await page.evaluate(async () => {
    const document = { run: () => {}, name: 'abc' };
    const [first] = await reranker.rank('q', [document], { text: (d) => d.name });
    return first.document === document ? first.score : 'another document';
  });
  assert.equal(score, 3);
});

test('no documents and no pairs give empty results without a message to the worker', async (t) => {
  const { page } = await openLoaded(t);
  const result = await page.evaluate(async () => {
    let messages = 0;
    const { postMessage } = workers[0];
    workers[0].postMessage = function (...args) {
      messages += 1;
      return postMessage.apply(this, args);
    };
    const empty = [await reranker.rank('q', []), Array.from(await reranker.predict([]))];
    const before = messages;
    await reranker.predict([['q', 'd']]);
    return { empty, before, after: messages };
  });
  assert.deepEqual(result, { empty: [[], []], before: 0, after: 1 });
});

test('overlapping calls are served first in, first out', async (t) => {
  const { page } = await openLoaded(t);
  const order = await page.evaluate(async () => {
    const order = [];
    const call = (name, query, n) =>
      reranker.predict(Array(n).fill([query, 'd'])).then(() => order.push(name));
    await Promise.all([
      call('long', 'slow', 6),
      call('short', 'q', 1),
      call('middle', 'slow', 2),
      call('last', 'q', 1),
    ]);
    return order;
  });
  assert.deepEqual(order, ['long', 'short', 'middle', 'last']);
});

test('status counts calls, pairs and tokens, gives the timings of the last call, and is frozen', async (t) => {
  const { page } = await openLoaded(t);
  const { before, after, frozen, busy } = await page.evaluate(async () => {
    const before = reranker.status;
    await reranker.predict([['q', 'a']]);
    const pending = reranker.rank('q', ['a', 'b', 'c']);
    const busy = reranker.status.state;
    await pending;
    const after = reranker.status;
    const frozen = [after, after.device, after.model, after.bytes, after.last].every(Object.isFrozen);
    return { before, after, frozen, busy };
  });
  assert.equal(before.last, null);
  assert.equal(before.calls, 0, 'the warm-up is not counted');
  assert.equal(before.state, 'ready');
  assert.equal(busy, 'busy');
  assert.deepEqual(
    { calls: after.calls, pairs: after.pairs, tokens: after.tokens, ignored: after.ignoredMessages },
    { calls: 2, pairs: 4, tokens: 12, ignored: 0 },
  );
  assert.equal(after.last.pairs, 3);
  assert.equal(after.last.batches, 3);
  assert.ok(after.last.scoreMs >= 0 && after.last.tokenizeMs >= 0);
  assert.equal(after.last.truncated, 1, 'exactly one job was alive: each is freed');
  assert.equal(after.model.id, 'fake');
  assert.equal(after.device.kind, 'cpu');
  assert.ok(frozen);
});

for (const [kind, name] of [
  ['terminate', 'terminated from outside, which fires no event,'],
  ['error', 'that fires an error event'],
  ['messageerror', 'that sends what cannot be read'],
]) {
  test(`a worker ${name} rejects all pending calls, and the next call gets a fresh one`, async (t) => {
    const { page } = await openLoaded(t);
    const result = await page.evaluate(async (kind) => {
      const calls = [
        reranker.rank('hold', ['a', 'b']),
        reranker.predict([['q', 'd']]),
        reranker.rank('q', ['c']),
      ];
      const outcomes = Promise.all(calls.map(outcome));
      await pause(50);
      kills[kind](workers.at(-1));
      const settled = await outcomes;
      const stopped = reranker.status.state;
      const next = await outcome(reranker.rank('q', ['a', 'bbb']));
      return { settled, stopped, next, workers: workers.length, status: reranker.status };
    }, kind);
    assertLost(result.settled);
    assert.equal(result.stopped, 'stopped');
    assert.deepEqual(
      result.next.value.map((r) => r.index),
      [1, 0],
    );
    assert.equal(result.workers, 2);
    assert.equal(result.status.restarts, 1);
    assert.equal(result.status.state, 'ready');
  });
}

for (const [query, name] of [
  ['trap', 'in a batch'],
  ['stray', 'outside of the call'],
]) {
  test(`a trap ${name} rejects all pending calls, and the next calls share one fresh worker`, async (t) => {
    const { page } = await openLoaded(t);
    const result = await page.evaluate(async (query) => {
      const settled = await Promise.all(
        [reranker.rank(query, ['a']), reranker.rank('q', ['b'])].map(outcome),
      );
      const next = await Promise.all([reranker.rank('q', ['c']), reranker.rank('q', ['d'])].map(outcome));
      return { settled, next, workers: workers.length };
    }, query);
    assertLost(result.settled);
    assert.ok(result.next.every(({ value }) => value?.length === 1));
    assert.equal(result.workers, 2);
  });
}

test('an error of one call leaves the worker and other calls alone', async (t) => {
  const { page } = await openLoaded(t);
  const result = await page.evaluate(async () => {
    const settled = await Promise.all([reranker.rank('nan', ['a']), reranker.rank('q', ['b'])].map(outcome));
    return { settled, workers: workers.length };
  });
  assert.equal(result.settled[0].error.code, 'NON_FINITE');
  assert.equal(result.settled[1].value[0].score, 1);
  assert.equal(result.workers, 1);
});

test('an abort before, during and after a call, and of a call that waits', async (t) => {
  const { page } = await openLoaded(t);
  const result = await page.evaluate(async () => {
    const before = await outcome(reranker.rank('q', ['a'], { signal: AbortSignal.abort('early') }));

    const during = new AbortController();
    const running = outcome(reranker.rank('slow', Array(10_000).fill('a'), { signal: during.signal }));
    const waiting = new AbortController();
    const queued = outcome(reranker.rank('hold', ['a'], { signal: waiting.signal }));
    const behind = reranker.rank('q', ['abc']);
    await pause(100);
    waiting.abort();
    during.abort('no longer wanted');
    // The call behind them is answered because they were given up: 10,000 slow batches outlast the test.
    const raced = await behind;

    const after = new AbortController();
    const done = await reranker.rank('q', ['a'], { signal: after.signal });
    after.abort();
    const next = await outcome(reranker.rank('q', ['ab']));
    return {
      before,
      running: await running,
      queued: await queued,
      raced,
      done,
      next,
      workers: workers.length,
    };
  });
  for (const { error } of [result.before, result.running, result.queued]) {
    assert.equal(error?.code, 'ABORTED');
    assert.equal(error.name, 'AbortError');
    assert.ok(error.ours);
  }
  assert.equal(result.before.error.cause, 'early');
  assert.equal(result.running.error.cause, 'no longer wanted');
  assert.equal(result.raced?.[0].score, 3);
  assert.equal(result.done[0].score, 1);
  assert.equal(result.next.value[0].score, 2);
  assert.equal(result.workers, 1, 'an abort does not cost the worker');
});

test('a call that is aborted while the worker starts again leaves the start to the others', async (t) => {
  const { page } = await openLoaded(t);
  const result = await page.evaluate(async () => {
    workers[0].dispatchEvent(new ErrorEvent('error', { message: 'boom' }));
    const controller = new AbortController();
    const first = outcome(reranker.rank('q', ['a'], { signal: controller.signal }));
    const second = outcome(reranker.rank('q', ['ab']));
    controller.abort();
    return { first: await first, second: await second, workers: workers.length };
  });
  assert.equal(result.first.error.code, 'ABORTED');
  assert.equal(result.second.value[0].score, 2);
  assert.equal(result.workers, 2);
});

test('dispose rejects pending and later calls, ends the worker, and may be called again', async (t) => {
  const { page } = await openLoaded(t);
  const result = await page.evaluate(async () => {
    const pending = [reranker.rank('hold', ['a']), reranker.rank('q', ['b'])].map(outcome);
    await reranker.dispose();
    await reranker.dispose();
    await reranker[Symbol.asyncDispose]?.();
    const later = [reranker.rank('q', []), reranker.predict([]), reranker.warmup()].map(outcome);
    const alive = new Promise((resolve) => {
      workers[0].onmessage = () => resolve('alive');
      workers[0].postMessage({ v: 3, id: 999, type: 'hello' });
      setTimeout(resolve, 300, 'ended');
    });
    return {
      settled: await Promise.all([...pending, ...later]),
      alive: await alive,
      state: reranker.status.state,
    };
  });
  assert.equal(result.settled.length, 5);
  for (const { error } of result.settled) assert.equal(error?.code, 'DISPOSED');
  assert.equal(result.alive, 'ended');
  assert.equal(result.state, 'disposed');
});

test('dispose while the worker starts again rejects the call that waits for it', async (t) => {
  const { page, server } = await openLoaded(t, { headers: { 'cache-control': 'no-store' } });
  server.fault('_bg.wasm', 'stall');
  const result = await page.evaluate(async () => {
    kills.error(workers[0]);
    const waiting = outcome(reranker.rank('q', ['a']));
    await pause(100);
    await reranker.dispose();
    return await waiting;
  });
  assert.equal(result.error.code, 'DISPOSED');
});

test('more pending calls than the cap are refused with BUSY, and the others are served', async (t) => {
  const { page } = await openLoaded(t);
  const result = await page.evaluate(async () => {
    const settled = await Promise.all(Array.from({ length: 1026 }, () => outcome(reranker.rank('q', ['a']))));
    const next = await outcome(reranker.rank('q', ['ab']));
    return { codes: settled.map(({ error }) => error?.code ?? 'ok'), next };
  });
  assert.equal(result.codes.filter((code) => code === 'ok').length, 1024);
  assert.deepEqual(result.codes.slice(1024), ['BUSY', 'BUSY']);
  assert.equal(result.next.value[0].score, 2);
});

test('forged and malformed messages change nothing and are counted', async (t) => {
  const { page } = await openLoaded(t);
  const result = await page.evaluate(async () => {
    const forged = [
      null,
      'text',
      {},
      { v: 3, id: 1, type: 'result', value: null },
      { v: 3, id: 777, type: 'fatal' },
    ];
    forged.push(
      { v: 3, id: 777, type: 'result', value: null },
      { v: 3, id: 1, type: 'error', error: { code: 'toString' } },
    );
    for (const data of forged) workers[0].dispatchEvent(new MessageEvent('message', { data }));
    for (const data of [
      ...forged,
      { v: 3, id: 5, type: '__proto__' },
      { v: 3, id: 5, type: 'run', pairs: [1, 2] },
    ]) {
      workers[0].postMessage(data);
    }
    const next = await outcome(reranker.rank('q', ['ab']));
    return { next, ignored: reranker.status.ignoredMessages, forged: forged.length, workers: workers.length };
  });
  assert.equal(result.next.value[0].score, 2);
  assert.equal(result.ignored, result.forged);
  assert.equal(result.workers, 1);
});

test('a malformed answer to a real request rejects it instead of leaving it pending', async (t) => {
  const { page } = await openLoaded(t);
  const result = await page.evaluate(async () => {
    let id;
    const { postMessage } = workers[0];
    workers[0].postMessage = function (message, transfer) {
      id = message.id;
      return postMessage.call(this, message, transfer);
    };
    const call = outcome(reranker.rank('hold', ['a']));
    await pause(20);
    workers[0].dispatchEvent(
      new MessageEvent('message', { data: { v: 3, id, type: 'result', value: { scores: [1] } } }),
    );
    return await call;
  });
  assert.equal(result.error.code, 'INTERNAL');
});

function assertLost(settled) {
  assert.ok(settled.length > 0);
  for (const { error } of settled) {
    assert.equal(error?.code, 'WORKER_LOST');
    assert.equal(error.retryable, true);
    assert.match(error.message, /docs\/errors\.md#worker_lost/);
  }
}
