// What a caller may want before a call is over: partial results, a budget, a newer call in the place of an older one.
// With the fake engine: a document's score is its length, and a batch of a 'slow' query takes 30 ms.
import assert from 'node:assert/strict';
import { useBrowser } from '../support/browser.mjs';
import { fakeEngine, fakeFolder } from '../support/models.mjs';
import { test } from '../support/test.mjs';

const open = useBrowser();
const withFake = { ...fakeEngine, files: { ...fakeEngine.files, ...fakeFolder() } };

async function openPool(t, workers, serverOptions = {}) {
  const opened = await open(t, { ...withFake, ...serverOptions });
  await opened.page.evaluate(async (workers) => {
    await load({ model: '/fake/', createWorker, workers });
    await reranker.warmup();
    // Long enough that each pair is a part of its own.
    globalThis.documents = (count) =>
      Array.from({ length: count }, (_, i) => 'x'.repeat(1500 + ((i * 7) % count)));
    globalThis.plain = (ranked) => ranked.map(({ index, score, scored }) => [index, score, scored]);
  }, workers);
  return opened;
}

for (const workers of [1, 3]) {
  test(`onPartial with ${workers} workers: more each time, best first, cut to topK, never after the end`, async (t) => {
    const { page } = await openPool(t, workers);
    const { partials, ranked, late } = await page.evaluate(async () => {
      const partials = [];
      const onPartial = (results) => partials.push(plain(results));
      const ranked = plain(await reranker.rank('slow', documents(9), { onPartial, topK: 7 }));
      const seen = partials.length;
      await pause(100);
      return { partials, ranked, late: partials.length - seen };
    });
    assert.equal(late, 0);
    assert.equal(partials.length, 9);
    assert.equal(ranked.length, 7);
    for (const [i, partial] of partials.entries()) {
      assert.equal(partial.length, Math.min(i + 1, 7));
      assert.ok(partial.every(([, score, scored], j) => scored && (j === 0 || partial[j - 1][1] >= score)));
    }
    assert.deepEqual(partials.at(-1), ranked);
  });
}

test('onPartial gives the very documents; without it and without a budget a share is one message', async (t) => {
  const { page } = await openPool(t, 1);
  const { same, parts } = await page.evaluate(async () => {
    const objects = documents(3).map((text) => ({ text }));
    const same = [];
    const onPartial = (results) =>
      same.push(...results.map(({ index, document }) => objects[index] === document));
    await reranker.rank('q', objects, { onPartial });
    let parts = 0;
    workers[0].addEventListener('message', ({ data }) => {
      if (data.type === 'part') parts += 1;
    });
    await reranker.rank('q', objects);
    return { same, parts };
  });
  assert.equal(same.length, 1 + 2 + 3);
  assert.ok(same.every(Boolean));
  assert.equal(parts, 1);
});

test('onPartial after an abort, a lost worker, a dispose: silence', async (t) => {
  const { page } = await openPool(t, 2);
  const late = await page.evaluate(async () => {
    const late = [];
    const ends = {
      abort: (controller) => controller.abort(),
      lost: () => {
        for (const worker of workers) kills.error(worker);
      },
      dispose: () => reranker.dispose(),
    };
    for (const [name, end] of Object.entries(ends)) {
      const controller = new AbortController();
      let settled = false;
      let calls = 0;
      const onPartial = () => {
        calls += 1;
        if (settled) late.push(name);
        if (calls === 2) end(controller);
      };
      const call = outcome(reranker.rank('slow', documents(20), { onPartial, signal: controller.signal }));
      const { error } = await call;
      settled = true;
      if (error === undefined || calls !== 2) late.push(`${name}: ${calls} calls`);
      await pause(100);
      if (name !== 'dispose') await reranker.warmup();
    }
    return late;
  });
  assert.deepEqual(late, []);
});

test('onPartial that throws is told to the page, and the call goes on', async (t) => {
  const { page } = await openPool(t, 1);
  const result = await page.evaluate(async () => {
    const reported = [];
    addEventListener('error', (event) => reported.push(event.message));
    const onPartial = () => {
      throw new Error('mine');
    };
    const ranked = await reranker.rank('q', documents(3), { onPartial });
    return { count: ranked.length, reported };
  });
  assert.equal(result.count, 3);
  assert.equal(result.reported.length, 3);
  assert.match(result.reported[0], /mine/);
});

test('budgetMs: what is scored by then, best first, then the rest in input order, marked', async (t) => {
  const { page } = await openPool(t, 2);
  const { ranked, next, status } = await page.evaluate(async () => {
    const ranked = plain(await reranker.rank('slow', documents(2000), { budgetMs: 300 }));
    const status = reranker.status;
    const next = plain(await reranker.rank('q', documents(4)));
    return { ranked: ranked.map(([i, s, scored]) => [i, scored ? s : String(s), scored]), next, status };
  });
  assert.equal(ranked.length, 2000);
  const count = ranked.findIndex(([, , scored]) => !scored);
  assert.ok(count > 0 && count < 2000, `${count} are scored`);
  assert.equal(status.last.pairs, count);
  for (let i = 1; i < count; i++) assert.ok(ranked[i - 1][1] >= ranked[i][1]);
  const rest = ranked.slice(count);
  assert.ok(rest.every(([, score, scored]) => score === 'NaN' && scored === false));
  assert.ok(rest.every(([index], i) => i === 0 || rest[i - 1][0] < index));
  assert.equal(new Set(ranked.map(([index]) => index)).size, 2000);
  assert.equal(next.length, 4, 'the workers stopped: 2,000 slow pairs would outlast the test');
});

test('budgetMs: the first stage decides the order of the rest, and topK cuts both', async (t) => {
  const { page } = await openPool(t, 1);
  const { places, cut } = await page.evaluate(async () => {
    const list = ['aa', 'b', '!hold', 'dddd', 'e'].map((text) => text.padEnd(1500));
    list[2] = '!hold';
    const blend = { alpha: 1, base: [1, 9, 5, 2, 7] };
    const all = await reranker.rank('q', list, { blend, budgetMs: 300 });
    // The worker holds for ever: the next call has what a budget gives without any worker.
    const cut = await reranker.rank('q', list, { budgetMs: 50, topK: 2 });
    return { places: plain(all).map(([i, , scored]) => [i, scored]), cut: plain(cut).map(([i]) => i) };
  });
  // Base order is 1, 4, 2, 3, 0: the first two are scored, the third holds.
  assert.deepEqual(places, [
    [1, true],
    [4, true],
    [2, false],
    [3, false],
    [0, false],
  ]);
  assert.deepEqual(cut, [0, 1]);
});

test('budgetMs: enough of it changes nothing; none of it waits for others, nor for a worker that starts', async (t) => {
  const { page, server } = await openPool(t, 1, { headers: { 'cache-control': 'no-store' } });
  const result = await page.evaluate(async () => {
    const enough = plain(await reranker.rank('q', documents(5), { budgetMs: 60_000 }));
    const same = plain(await reranker.rank('q', documents(5)));
    const long = outcome(reranker.rank('slow', documents(10)));
    const waited = plain(await reranker.rank('q', documents(3), { budgetMs: 20 }));
    const { value } = await long;
    return { enough, same, waited: waited.map(([i, , scored]) => [i, scored]), long: value.length };
  });
  assert.deepEqual(result.enough, result.same);
  assert.deepEqual(result.waited, [
    [0, false],
    [1, false],
    [2, false],
  ]);
  assert.equal(result.long, 10);
  server.fault('_bg.wasm', 'stall');
  const places = await page.evaluate(async () => {
    kills.error(workers.at(-1));
    const ranked = await reranker.rank('q', documents(2), { budgetMs: 100 });
    return ranked.map(({ index, scored }) => [index, scored]);
  });
  assert.deepEqual(places, [
    [0, false],
    [1, false],
  ]);
});

test('blend.topN: the model reads the head only', async (t) => {
  const { page } = await openPool(t, 1);
  const result = await page.evaluate(async () => {
    const blend = { alpha: 1, base: [1, 4, 3, 2], topN: 2 };
    // The text of the tail is not even asked for.
    const text = (d) => (d === 'tail' ? null : d);
    const ranked = await reranker.rank('q', ['tail', 'a', 'bb', 'tail'], { blend, text });
    return { ranked: plain(ranked).map(([i, , scored]) => [i, scored]), pairs: reranker.status.pairs };
  });
  assert.deepEqual(result.ranked, [
    [2, true],
    [1, true],
    [3, false],
    [0, false],
  ]);
  assert.equal(result.pairs, 2);
});

test('supersede: a newer call with the same key aborts the older ones, running or waiting, and no others', async (t) => {
  const { page } = await openPool(t, 1);
  const result = await page.evaluate(async () => {
    const running = outcome(reranker.rank('slow', documents(5000), { supersede: 'search' }));
    await pause(50);
    const other = outcome(reranker.predict([['q', 'abc']], { supersede: 'other' }));
    const waiting = outcome(reranker.rank('q', documents(3), { supersede: 'search' }));
    const wrong = outcome(reranker.rank('q', documents(3), { supersede: 'search', topk: 1 }));
    const latest = outcome(reranker.rank('q', documents(4), { supersede: 'search' }));
    const settled = await Promise.all([running, waiting, wrong, other, latest]);
    const done = outcome(reranker.rank('hold', documents(2), { supersede: 'search' }));
    const empty = await reranker.rank('q', [], { supersede: 'search' });
    return { settled, cleared: await done, empty };
  });
  const [running, waiting, wrong, other, latest] = result.settled;
  for (const { error } of [running, waiting, result.cleared]) {
    assert.equal(error?.code, 'ABORTED');
    assert.equal(error.name, 'AbortError');
    assert.match(error.message, /^superseded/);
  }
  assert.equal(wrong.error.code, 'OPTION', 'and it aborted nothing');
  assert.ok(other.value !== undefined);
  assert.equal(latest.value.length, 4);
  assert.deepEqual(result.empty, []);
});

test('the caps on a call hold for the whole of it, however many workers share it', async (t) => {
  const { page } = await openPool(t, 3);
  const result = await page.evaluate(async () => {
    const many = await outcome(reranker.rank('q', Array(10_001).fill('d')));
    const big = await outcome(reranker.rank('q', Array(17).fill('é'.repeat(2 * 1024 * 1024))));
    const most = await reranker.rank('q', Array(10_000).fill('d'), { topK: 1 });
    return { many, big, most: most.length };
  });
  assert.equal(result.many.error?.code, 'LIMIT');
  assert.match(result.many.error.message, /10001 pairs.*MAX_PAIRS/);
  assert.equal(result.big.error?.code, 'LIMIT');
  assert.match(result.big.error.message, /MAX_CALL_BYTES/);
  assert.equal(result.most, 1);
});
