// Which device serves, with the fake engine and adapters of the test's choice: when the GPU takes over, when it does
// not, what is remembered, and what becomes of calls when it fails.
import assert from 'node:assert/strict';
import { goto, useBrowser } from '../support/browser.mjs';
import { fakeEngine, fakeFolder, fakeVersion } from '../support/models.mjs';
import { test } from '../support/test.mjs';

const open = useBrowser();
const withFake = { ...fakeEngine, files: { ...fakeEngine.files, ...fakeFolder() } };

/** On these the GPU is faster than the CPU. */
const FAST = { adapter: 'ok', cpuStepMs: 30 };
const SLOW = { adapter: 'ok', gpuStepMs: 300 };

/** Nothing comes from the HTTP cache, so that the log of the server tells what was asked for. */
const openFake = (t) => open(t, { ...withFake, headers: { 'cache-control': 'no-store' } });

/** Loads on an adapter; gives the status when `auto` has made up its mind. */
async function loadOn(page, parameters, options = {}) {
  return await page.evaluate(
    async ([parameters, options]) => {
      globalThis.documents = (count) =>
        Array.from({ length: count }, (_, i) => 'x'.repeat(1 + ((i * 7) % count)));
      globalThis.plain = (ranked) => ranked.map(({ index, score, scored }) => [index, score, scored]);
      await load({
        model: '/fake/',
        workers: 1,
        createWorker: createGpuWorker(parameters),
        ...options,
      });
      const before = reranker.status.device;
      await reranker.warmup();
      return { before, after: reranker.status, changes };
    },
    [parameters, options],
  );
}

function expected(count) {
  const scores = Array.from({ length: count }, (_, i) => 1 + ((i * 7) % count));
  const all = scores.map((score, index) => [index, score, true]);
  return all.sort((a, b) => b[1] - a[1] || a[0] - b[0]);
}

for (const [adapter, why] of Object.entries({
  absent: /no WebGPU in workers/,
  none: /no WebGPU adapter/,
  software: /\(test swiftshader\) is software/,
  small: /maxComputeInvocationsPerWorkgroup is 128, not 256/,
})) {
  test(`adapter ${adapter}: the CPU serves, status says why, the GPU binary is not asked for`, async (t) => {
    const { page, server } = await openFake(t);
    const { after, changes } = await loadOn(page, { adapter });
    assert.equal(after.device.kind, 'cpu');
    assert.match(after.device.why, why);
    assert.deepEqual(
      await page.evaluate(async () => plain(await reranker.rank('q', documents(9)))),
      expected(9),
    );
    assert.deepEqual(changes, []);
    assert.deepEqual(server.requests('webgpu'), []);
    assert.ok(server.requests('crossrank_cpu').length > 0, 'the log would have told');
  });
}

test('a browser without WebGPU: the same, with the default worker and no patch', async (t) => {
  const { page, server } = await openFake(t);
  const { after } = await loadOn(page, {}, { createWorker: undefined });
  assert.equal(after.device.kind, 'cpu');
  assert.match(after.device.why, /no WebGPU adapter|no WebGPU/);
  assert.equal(after.device.adapter, null);
  assert.deepEqual(server.requests('webgpu'), []);
  const forced = await page.evaluate(() =>
    outcome(crossrank.Reranker.load({ model: '/fake/', device: 'webgpu' })),
  );
  assert.equal(forced.error.code, 'UNSUPPORTED');
  assert.deepEqual(server.requests('webgpu'), []);
});

test("device: 'cpu' does not even look", async (t) => {
  const { page, server } = await openFake(t);
  const { after } = await loadOn(page, FAST, { device: 'cpu' });
  assert.deepEqual([after.device.kind, after.device.adapter], ['cpu', null]);
  assert.match(after.device.why, /'cpu' was asked for/);
  assert.deepEqual(server.requests('webgpu'), []);
});

test('auto: the CPU serves at once, the GPU when it was right and faster, and the next visit does not compare again', async (t) => {
  const { page, server } = await openFake(t);
  const { before, after, changes } = await loadOn(page, FAST);
  assert.equal(before.kind, 'cpu');
  assert.match(before.why, /tried when no call came/);
  assert.equal(after.device.kind, 'webgpu');
  assert.match(after.device.why, /\(test unit\) scores 20 pairs in \d+ ms, the CPU in about \d{3} ms$/);
  assert.deepEqual(
    [after.device.adapter.vendor, after.device.adapter.software, after.device.adapter.f16],
    ['test', false, false],
  );
  assert.deepEqual(
    changes.map(({ from, to }) => `${from} ${to}`),
    ['cpu webgpu'],
  );
  assert.equal(changes[0].why, after.device.why);
  assert.equal(server.requests('crossrank_webgpu_bg.wasm').length, 1);
  const ranked = await page.evaluate(async () => ({
    plain: plain(await reranker.rank('q', documents(30))),
    last: reranker.status.last,
  }));
  assert.deepEqual(ranked.plain, expected(30));
  assert.deepEqual([ranked.last.device, ranked.last.workers, ranked.last.batches], ['webgpu', 1, 30]);

  await goto(page, server);
  // The CPU would win the comparison now.
  const again = await loadOn(page, { ...SLOW, gpuStepMs: 50 });
  assert.equal(again.after.device.kind, 'webgpu');
  assert.match(again.after.device.why, /scores 20 pairs .*found by an earlier load/);

  await page.evaluate(() => crossrank.Reranker.clearCache());
  const anew = await loadOn(page, { ...SLOW, gpuStepMs: 50 });
  assert.equal(anew.after.device.kind, 'cpu', 'forgotten with the cache');
  await page.evaluate(() => crossrank.Reranker.clearCache());
  assert.equal((await loadOn(page, FAST)).after.device.kind, 'webgpu', 'what the page itself found out, too');
});

test('auto: without a call, the trial begins by itself', async (t) => {
  const { page } = await openFake(t);
  await page.evaluate(
    (parameters) => load({ model: '/fake/', createWorker: createGpuWorker(parameters) }),
    FAST,
  );
  await page.waitForFunction(() => reranker.status.device.kind === 'webgpu', undefined, { timeout: 30_000 });
});

test('auto: calls that keep coming are not disturbed by the trial', async (t) => {
  const { page, server } = await openFake(t);
  await page.evaluate(async (parameters) => {
    await load({ model: '/fake/', createWorker: createGpuWorker(parameters) });
    for (const begun = performance.now(); performance.now() - begun < 2500; ) {
      await reranker.rank('slow', ['a', 'b']);
    }
  }, FAST);
  assert.deepEqual(server.requests('webgpu'), []);
});

test('a slower GPU is left, and not asked for on the next visit', async (t) => {
  const { page, server } = await openFake(t);
  const { after, changes } = await loadOn(page, SLOW);
  assert.equal(after.device.kind, 'cpu');
  assert.match(after.device.why, /scores 20 pairs in \d+ ms, the CPU in about \d+ ms/);
  assert.deepEqual([changes, after.workers], [[], 1]);
  assert.equal(server.requests('crossrank_webgpu_bg.wasm').length, 1);
  await goto(page, server);
  server.forget();
  const again = await loadOn(page, FAST);
  assert.match(again.after.device.why, /found by an earlier load/);
  assert.deepEqual(server.requests('webgpu'), []);
});

test("precision: 'f32' is the CPU's", async (t) => {
  const { page, server } = await openFake(t);
  const { after } = await loadOn(page, FAST, { precision: 'f32' });
  assert.equal(after.device.kind, 'cpu');
  assert.match(after.device.why, /'f32' is computed on the CPU/);
  const forced = await page.evaluate(() =>
    outcome(crossrank.Reranker.load({ model: '/fake/', device: 'webgpu', precision: 'f32' })),
  );
  assert.equal(forced.error.code, 'OPTION');
  assert.deepEqual(server.requests('webgpu'), []);
});

for (const [name, parameters, why] of [
  ['a kernel is wrong', { answers: 'wrong' }, /known-answer tests failed \(linear: off by 0.5\)/],
  ['there are no answers', { answers: 'none' }, /there were none/],
]) {
  test(`${name}: the CPU serves, and it is remembered; forced, the load fails`, async (t) => {
    const { page, server } = await openFake(t);
    const { after } = await loadOn(page, { ...FAST, ...parameters });
    assert.equal(after.device.kind, 'cpu');
    assert.match(after.device.why, why);
    assert.equal(after.workers, 1);
    await goto(page, server);
    server.forget();
    assert.match((await loadOn(page, FAST)).after.device.why, /found by an earlier load/);
    assert.deepEqual(server.requests('webgpu'), []);
    const forced = await page.evaluate(
      (parameters) =>
        outcome(load({ model: '/fake/', device: 'webgpu', createWorker: createGpuWorker(parameters) })),
      { ...FAST, ...parameters },
    );
    assert.equal(forced.error.code, 'GPU_UNTRUSTED');
    assert.match(forced.error.message, why);
  });
}

for (const [name, fault, code, why] of [
  ['is refused', { open: 'refused' }, 'UNSUPPORTED', /did not start: no device/],
  ['has no binary', {}, 'NETWORK', /did not start: .*webgpu_bg.wasm.* 404/],
]) {
  test(`a device that ${name}: the CPU serves, nothing is remembered; forced, the load fails`, async (t) => {
    const { page, server } = await openFake(t);
    if (code === 'NETWORK') server.fault('webgpu_bg.wasm', 'status-404');
    const parameters = { ...FAST, ...fault };
    const { after } = await loadOn(page, parameters);
    assert.equal(after.device.kind, 'cpu');
    assert.match(after.device.why, why);
    const forced = await page.evaluate(
      (parameters) =>
        outcome(load({ model: '/fake/', device: 'webgpu', createWorker: createGpuWorker(parameters) })),
      parameters,
    );
    assert.equal(forced.error.code, code);
    server.heal();
    assert.equal((await loadOn(page, FAST)).after.device.kind, 'webgpu');
  });
}

test("device: 'webgpu' takes software too, and does not compare", async (t) => {
  const { page } = await openFake(t);
  const { before, after } = await loadOn(page, { ...SLOW, adapter: 'software' }, { device: 'webgpu' });
  assert.deepEqual([before.kind, after.device.kind], ['webgpu', 'webgpu']);
  assert.match(after.device.why, /'webgpu' was asked for/);
  assert.equal(after.device.adapter.software, true);
});

test('neither cache nor several workers: the page holds the model for the GPU', async (t) => {
  const { page, server } = await openFake(t);
  const { after } = await loadOn(page, FAST, { cache: false });
  assert.equal(after.device.kind, 'webgpu');
  assert.equal(server.requests('/fake/model-000.bin').length, 1);
  await goto(page, server);
  assert.equal((await loadOn(page, SLOW, { cache: false })).after.device.kind, 'cpu', 'nothing was kept');
});

/** How the GPU can fail in mid-call, what status says then, and whether it is remembered. */
const failures = [
  ['lost', /The GPU was lost \(the device was destroyed; the device says: it told so\)/, false],
  ['trap', /The GPU was lost \(RuntimeError: unreachable|The GPU was lost \(unreachable/, false],
  ['untrusted', /cannot be trusted: canary B is 0/, true],
  ['nan', /cannot be trusted: logit 0 is not finite/, true],
  ['hang', /cannot be trusted: no answer in 300 ms/, true],
];

for (const [kind, why, remembered] of failures) {
  test(`the GPU fails in mid-call (${kind}): all pending calls resolve on the CPU, one event`, async (t) => {
    const { page, server } = await openFake(t);
    const parameters = { adapter: 'ok', readbackMs: 300, told: 1 };
    await loadOn(page, parameters, { device: 'webgpu' });
    const result = await page.evaluate(async (kind) => {
      // Two batches that calibrate the deadline come before.
      await reranker.rank('q', documents(5));
      await reranker.rank('q', documents(5));
      const calls = [
        reranker.rank('q', documents(9)),
        reranker.rank('q', [...documents(20), `!gpu:${kind}`]),
        reranker.rank('q', documents(9)),
        reranker.predict([['q', 'four']]),
      ];
      const order = [];
      for (const [i, call] of calls.entries()) call.then(() => order.push(i));
      const settled = await Promise.all(calls.map(outcome));
      return {
        codes: settled.map(({ error }) => error?.code),
        values: settled.slice(0, 3).map(({ value }) => plain(value)),
        predicted: [...settled[3].value],
        order,
        changes,
        status: reranker.status,
        after: plain(await reranker.rank('q', documents(30))),
      };
    }, kind);
    assert.deepEqual(result.codes, Array(4).fill(undefined));
    assert.deepEqual([result.values[0], result.values[2]], [expected(9), expected(9)]);
    const scores = new Map(result.values[1].map(([index, score]) => [index, score]));
    assert.equal(scores.get(20), `!gpu:${kind}`.length);
    assert.deepEqual(result.predicted, [4]);
    assert.deepEqual(result.order, [0, 1, 2, 3]);
    assert.deepEqual(result.after, expected(30));
    const [, last] = result.changes;
    assert.equal(result.changes.length, 1, JSON.stringify(result.changes));
    assert.equal(last, undefined);
    assert.deepEqual([result.changes[0].from, result.changes[0].to], ['webgpu', 'cpu']);
    assert.match(result.changes[0].why, why);
    const { status } = result;
    assert.equal(status.device.why, result.changes[0].why);
    assert.deepEqual([status.device.kind, status.state, status.last.device], ['cpu', 'ready', 'cpu']);
    assert.equal(status.pairs, 5 + 5 + 9 + 21 + 9 + 1, 'no pair is counted twice');
    await goto(page, server);
    server.forget();
    const { after } = await loadOn(page, FAST);
    assert.equal(after.device.kind, remembered ? 'cpu' : 'webgpu');
    assert.equal(server.requests('webgpu').length > 0, !remembered);
  });
}

for (const kind of ['terminate', 'error', 'messageerror']) {
  test(`the worker of the GPU ends (${kind}): the same`, async (t) => {
    const { page } = await openFake(t);
    await loadOn(page, { adapter: 'ok', gpuStepMs: 200 }, { device: 'webgpu' });
    const result = await page.evaluate(async (kind) => {
      const calls = [reranker.rank('q', documents(20)), reranker.rank('q', documents(9))];
      setTimeout(() => kills[kind](workers.at(-1)), 100);
      const settled = await Promise.all(calls.map(outcome));
      return { settled: settled.map(({ value }) => value && plain(value)), changes, status: reranker.status };
    }, kind);
    assert.deepEqual(result.settled, [expected(20), expected(9)]);
    assert.equal(result.changes.length, 1);
    assert.equal(result.status.device.kind, 'cpu');
    assert.match(result.status.device.why, /^The worker /);
  });
}

test('partial results, budget and abort work on the GPU; a hung GPU keeps a budget, and is found out later', async (t) => {
  const { page } = await openFake(t);
  await loadOn(page, { adapter: 'ok', readbackMs: 400 }, { device: 'webgpu' });
  const result = await page.evaluate(async () => {
    const partial = [];
    await reranker.rank('q', documents(9), { onPartial: (all) => partial.push(all.length) });
    const controller = new AbortController();
    const aborted = outcome(reranker.rank('q', documents(9), { signal: controller.signal }));
    controller.abort();
    const codes = [(await aborted).error.code];
    const inTime = await outcome(reranker.rank('q', ['!gpu:hang'], { budgetMs: 50 }));
    const { kind } = reranker.status.device;
    const late = plain(await reranker.rank('q', documents(9)));
    return { partial, codes, inTime: inTime.value[0].scored, kind, late, changes };
  });
  assert.deepEqual(result.partial, [9]);
  assert.deepEqual(result.codes, ['ABORTED']);
  assert.deepEqual([result.inTime, result.kind], [false, 'webgpu']);
  assert.deepEqual(result.late, expected(9));
  assert.deepEqual(
    result.changes.map(({ to }) => to),
    ['cpu'],
  );
});

test('a call that a worker refuses says nothing against the GPU', async (t) => {
  const { page } = await openFake(t);
  await loadOn(page, { adapter: 'ok' }, { device: 'webgpu' });
  const result = await page.evaluate(async () => ({
    refused: await outcome(reranker.predict([['q']])),
    kind: reranker.status.device.kind,
  }));
  assert.deepEqual([result.refused.error.code, result.kind], ['OPTION', 'webgpu']);
});

test('while the GPU serves, idle CPU workers all stop, and one starts again when it is needed', async (t) => {
  const { page } = await openFake(t);
  await loadOn(page, { adapter: 'ok' }, { device: 'webgpu', idleMs: 300 });
  await page.evaluate(() => reranker.rank('q', documents(9)));
  await page.waitForFunction(() => reranker.status.workers === 1, undefined, { timeout: 15_000 });
  const result = await page.evaluate(async () => ({
    kind: reranker.status.device.kind,
    ranked: plain(await reranker.rank('q', documents(9))),
    lost: plain(await reranker.rank('q', [...documents(9), '!gpu:lost'])).length,
    status: reranker.status,
  }));
  assert.equal(result.kind, 'webgpu');
  assert.deepEqual(result.ranked, expected(9));
  assert.deepEqual([result.lost, result.status.device.kind, result.status.workers], [10, 'cpu', 1]);
});

test('disposing ends the GPU too: in a call, and in the middle of the trial', async (t) => {
  const { page } = await openFake(t);
  await loadOn(page, { adapter: 'ok' }, { device: 'webgpu' });
  const inCall = await page.evaluate(async () => {
    const call = outcome(reranker.rank('q', ['!gpu:hang']));
    await pause(50);
    await reranker.dispose();
    return { call: await call, status: reranker.status, changes };
  });
  assert.equal(inCall.call.error.code, 'DISPOSED');
  assert.deepEqual([inCall.status.state, inCall.status.workers, inCall.changes], ['disposed', 0, []]);
  const inTrial = await page.evaluate(async () => {
    await load({ model: '/fake/', createWorker: createGpuWorker({ adapter: 'ok', open: 'hang' }) });
    const made = workers.length;
    const warm = outcome(reranker.warmup());
    while (workers.length === made) await pause(20);
    await pause(100);
    await reranker.dispose();
    return { warm: await warm, status: reranker.status };
  });
  assert.equal(inTrial.warm.error.code, 'DISPOSED');
  assert.equal(inTrial.status.workers, 0);
});

for (const device of ['webgpu', 'auto']) {
  test(`a model that is replaced on its host (${device}): the new one is served by a GPU that has proved itself anew`, async (t) => {
    const { page, server } = await openFake(t);
    Object.assign(server.files, fakeVersion(1000));
    const { after } = await loadOn(page, FAST, { device, reloadEvery: 1000 });
    const first = await page.evaluate(() => reranker.predict([['q', 'x']]).then(([score]) => score));
    const told = await page.evaluate(() => changes.length);
    Object.assign(server.files, fakeVersion(2000));
    await page.waitForFunction(() => reranker.status.reload.reloads === 1, undefined, { timeout: 30_000 });
    const result = await page.evaluate(async () => {
      await reranker.warmup();
      const [second] = await reranker.predict([['q', 'x']]);
      return { second, status: reranker.status, changes: changes.map(({ from, to }) => `${from} ${to}`) };
    });
    assert.deepEqual([after.device.kind, first, result.second], ['webgpu', 1001, 2001]);
    assert.deepEqual([result.status.device.kind, result.status.last.device], ['webgpu', 'webgpu']);
    const expectedChanges = device === 'webgpu' ? [] : ['webgpu cpu', 'cpu webgpu'];
    assert.deepEqual(result.changes.slice(told), expectedChanges);
    await page.waitForFunction(() => reranker.status.workers === 2, undefined, { timeout: 30_000 });
  });
}

test('an event listener has the options of an EventTarget, and wrong ones are refused', async (t) => {
  const { page } = await openFake(t);
  const result = await page.evaluate(async (parameters) => {
    await load({ model: '/fake/', workers: 1, createWorker: createGpuWorker(parameters) });
    const seen = [];
    const note = (name) => (event) => seen.push([name, event.type, event.from, event.to]);
    const gone = note('gone');
    reranker.addEventListener('devicechange', note('once'), { once: true });
    reranker.addEventListener('devicechange', note('all'));
    reranker.addEventListener('devicechange', gone);
    reranker.removeEventListener('devicechange', gone);
    await reranker.warmup();
    await reranker.rank('q', ['!gpu:lost']);
    const refused = [
      await outcome((async () => reranker.addEventListener('change', () => {}))()),
      await outcome((async () => reranker.addEventListener('devicechange', null))()),
    ];
    return { seen, codes: refused.map(({ error }) => error.code) };
  }, FAST);
  const [there, back] = [
    ['devicechange', 'cpu', 'webgpu'],
    ['devicechange', 'webgpu', 'cpu'],
  ];
  assert.deepEqual(result.seen, [
    ['once', ...there],
    ['all', ...there],
    ['all', ...back],
  ]);
  assert.deepEqual(result.codes, ['OPTION', 'OPTION']);
});
