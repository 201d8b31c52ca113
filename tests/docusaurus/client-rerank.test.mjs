// The rerank half of the Docusaurus plugin, driven with a model that does as the test says: orders, last query wins,
// nothing moves late or under the reader, and every failure leaves the base order.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Model } from '../../docusaurus/lib/browser/client/rerank/model.js';
import { mixedOrder } from '../../docusaurus/lib/browser/client/rerank/order.js';
import { mayLoad } from '../../docusaurus/lib/browser/client/rerank/permission.js';
import { SearchReranker } from '../../docusaurus/lib/browser/client/rerank/reranker.js';
import { SearchSession } from '../../docusaurus/lib/browser/client/session.js';

const SETTINGS = {
  candidates: 30,
  maxLength: 192,
  budgetMs: 60_000,
  blend: 1,
  boosts: [],
  baseUrl: '/base/',
};

const section = (name) => ({
  page: name,
  headings: [],
  url: `/base/docs/${name}`,
  text: `text of ${name}`,
  words: '',
});
const candidate = (name, score) => ({
  title: name,
  heading: '',
  url: `/base/docs/${name}`,
  text: `text of ${name}`,
  score,
});

/** A model whose `rank` waits for the test, unless it is given `scores` by title. */
function fakeEngine(scores) {
  const calls = [];
  const rank = (query, documents, options) => {
    const call = Promise.withResolvers?.() ?? deferred();
    const all = (by) => documents.map(({ title }, index) => ({ index, score: by[title] ?? 0 }));
    calls.push({
      query,
      documents,
      options,
      answer: (by) => call.resolve(all(by)),
      part: (by, count) => options.onPartial(all(by).slice(0, count)),
      fail: call.reject,
    });
    options.signal.addEventListener('abort', () =>
      call.reject(Object.assign(new Error('aborted'), { code: 'ABORTED' })),
    );
    if (scores !== undefined) call.resolve(all(scores));
    return call.promise;
  };
  return { rank, calls };
}

function deferred() {
  const out = {};
  out.promise = new Promise((resolve, reject) => Object.assign(out, { resolve, reject }));
  return out;
}

function make(settings = {}, scores = undefined) {
  const engine = fakeEngine(scores);
  const model = new Model(async () => engine);
  const reranker = new SearchReranker({ ...SETTINGS, ...settings }, model);
  return { engine, model, reranker };
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

/** Console warnings while `work` runs. */
async function warnings(t, work) {
  const seen = t.mock.method(console, 'warn', () => {});
  await work();
  return seen.mock.calls.map(({ arguments: [line] }) => line);
}

test('the mixed order: model and base scores, weights by path, what is not read follows', () => {
  const items = [
    { base: 10, weight: 1 },
    { base: 5, weight: 1 },
    { base: 0, weight: 1 },
    { base: 20, weight: 1 },
  ];
  assert.deepEqual(mixedOrder(items, [0.1, 0.2, 0.9, undefined], 1), [2, 1, 0, 3]);
  assert.deepEqual(mixedOrder(items, [0.1, 0.2, 0.9, undefined], 0), [0, 1, 2, 3]);
  // 0.5 · 0.1 + 0.5 · 1 = 0.55; 0.5 · 0.2 + 0.5 · 0.5 = 0.35; 0.5 · 0.9 = 0.45
  assert.deepEqual(mixedOrder(items, [0.1, 0.2, 0.9, undefined], 0.5), [0, 2, 1, 3]);
  assert.deepEqual(
    mixedOrder(
      [
        { base: 1, weight: 1 },
        { base: 1, weight: 1 },
      ],
      [0.4, 0.4],
      1,
    ),
    [0, 1],
  );
  assert.deepEqual(
    mixedOrder(
      [
        { base: 1, weight: 0.5 },
        { base: 1, weight: 1 },
      ],
      [0.6, 0.4],
      1,
    ),
    [1, 0],
  );
  assert.deepEqual(mixedOrder([], [], 1), []);
});

test('the model reads title, headings and text, and the order is its own', async () => {
  const { reranker, engine } = make({}, { a: 0.1, b: 0.9, 'c › Off': 0.5 });
  const candidates = [candidate('a', 3), candidate('b', 2), { ...candidate('c', 1), heading: 'Off' }];
  assert.deepEqual(await reranker.order('switch it off', candidates), [1, 2, 0]);
  const [{ query, documents, options }] = engine.calls;
  assert.equal(query, 'switch it off');
  assert.deepEqual(documents[2], { title: 'c › Off', text: 'text of c' });
  assert.equal(options.maxLength, 192);
  assert.equal(options.activation, 'sigmoid');
});

test('only so many candidates are read as the options say; the others keep their places behind', async () => {
  const { reranker, engine } = make({ candidates: 2 }, { a: 0, b: 1, c: 1, d: 1 });
  const order = await reranker.order(
    'some question',
    ['a', 'b', 'c', 'd'].map((name) => candidate(name)),
  );
  assert.deepEqual(order, [1, 0, 2, 3]);
  assert.equal(engine.calls[0].documents.length, 2);
});

test('boosts by path weigh on base and model order', async () => {
  const boosts = [{ pattern: '^/docs/b$', weight: 10 }];
  const { reranker } = make({ boosts }, { a: 0.5, b: 0.2 });
  const candidates = [candidate('a', 2), candidate('b', 1)];
  assert.deepEqual(reranker.base(candidates), [1, 0]);
  assert.deepEqual(await reranker.order('some question', candidates), [1, 0]);
});

test('what was read is known: the same question asks the model nothing', async () => {
  const { reranker, engine } = make({}, { a: 0, b: 1 });
  const candidates = [candidate('a'), candidate('b')];
  assert.equal(reranker.known('Some  question', candidates), undefined);
  await reranker.order('Some  question', candidates);
  assert.deepEqual(reranker.known('some question?', candidates), [1, 0]);
  await reranker.order('some question', [...candidates, candidate('c')]);
  assert.deepEqual(
    engine.calls.map(({ documents }) => documents.length),
    [2, 1],
    'only what is new is read',
  );
});

test('the last query wins, and what the first has scored stays known', async () => {
  const { reranker, engine } = make();
  const candidates = [candidate('a'), candidate('b')];
  const first = reranker.order('first question', candidates);
  await turn();
  engine.calls[0].part({ a: 0.2 }, 1);
  const second = reranker.order('second question', candidates);
  assert.equal(await first, undefined);
  await turn();
  engine.calls[1].answer({ a: 0, b: 1 });
  assert.deepEqual(await second, [1, 0]);
  assert.equal(engine.calls[0].options.signal.aborted, true);
  const again = reranker.order('first question', candidates);
  await turn();
  assert.deepEqual(
    engine.calls[2].documents.map(({ title }) => title),
    ['b'],
  );
  engine.calls[2].answer({ b: 0.1 });
  assert.deepEqual(await again, [0, 1]);
});

test('a query that comes late to its scoring does not end a newer one', async () => {
  const { engine, reranker } = make();
  const candidates = ['a', 'b', 'c'].map((name, i) => candidate(name, 3 - i));
  const [older, newer] = [reranker.takeTurn(), reranker.takeTurn()];
  const right = reranker.order('what is it', candidates, newer);
  assert.equal(await reranker.order('what is i', candidates, older), undefined);
  reranker.cancel(older);
  await turn();
  assert.equal(engine.calls.length, 1);
  engine.calls[0].answer({ a: 0.1, b: 0.9, c: 0.5 });
  assert.deepEqual(await right, [1, 2, 0]);
});

test('a word and the beginning of one are left to the base search, a question is not', () => {
  const { reranker } = make();
  const candidates = [candidate('Webpack'), { ...candidate('b'), heading: 'Setup › Options' }];
  assert.equal(reranker.isWorthIt('we', candidates), false);
  assert.equal(reranker.isWorthIt('webpack', candidates), false);
  assert.equal(reranker.isWorthIt('OPTIONS ', candidates), false);
  assert.equal(reranker.isWorthIt('webpac', candidates), true);
  assert.equal(reranker.isWorthIt('webpack options', candidates), true);
  assert.equal(reranker.isWorthIt('webpack options', candidates.slice(0, 1)), false);
});

test('a slow machine is given fewer candidates, never fewer than eight', async (t) => {
  t.mock.timers.enable({ apis: ['Date'] });
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const { reranker, engine } = make({ budgetMs: 1000 });
  const names = Array.from({ length: 30 }, (_, i) => candidate(`n${i}`));
  /** How many are read for a query, when it takes so many milliseconds. */
  const read = async (query, ms) => {
    const order = reranker.order(query, names);
    await new Promise((resolve) => setImmediate(resolve));
    now += ms;
    engine.calls.at(-1).answer({});
    await order;
    return engine.calls.at(-1).documents.length;
  };
  assert.equal(await read('one question', 20 * 120), 20); // 0.8 · 1000 / 40; then 80 ms in the mean
  assert.equal(await read('two question', 10 * 80), 10);
  assert.equal(await read('three question', 10 * 1000), 10);
  assert.equal(await read('four question', 8), 8);
  for (const query of ['five', 'six', 'seven', 'eight', 'nine', 'ten']) await read(`${query} question`, 8);
  assert.equal(await read('eleven question', 8), 30);
});

test('a model that cannot be loaded is a state and one line; the reader may come back to it', async (t) => {
  let tries = 0;
  const model = new Model(async () => {
    tries += 1;
    throw Object.assign(new Error('the server answered 404'), { code: 'NETWORK' });
  });
  const reranker = new SearchReranker(SETTINGS, model);
  const candidates = [candidate('a'), candidate('b')];
  const lines = await warnings(t, async () => {
    assert.equal(await reranker.order('some question', candidates), undefined);
    assert.equal(await reranker.order('another question', candidates), undefined);
    assert.deepEqual(model.state(), { kind: 'failed', code: 'NETWORK' });
    assert.equal(tries, 1, 'a failure is not tried again with every key');
    model.forgive();
    assert.deepEqual(model.state(), { kind: 'waiting' });
    await model.load();
    assert.equal(tries, 2);
  });
  assert.equal(lines.length, 1);
  assert.match(lines[0], /NETWORK: the server answered 404/);
});

test('what the browser lacks is not tried again', async (t) => {
  const model = new Model(async () => {
    throw Object.assign(new Error('no WebAssembly'), { code: 'UNSUPPORTED' });
  });
  await warnings(t, () => model.load());
  model.forgive();
  assert.deepEqual(model.state(), { kind: 'failed', code: 'UNSUPPORTED' });
});

test('a ranking that fails leaves the base order, and the next one may succeed', async (t) => {
  const { reranker, engine, model } = make();
  const candidates = [candidate('a'), candidate('b')];
  const lines = await warnings(t, async () => {
    const order = reranker.order('some question', candidates);
    await turn();
    engine.calls[0].fail(Object.assign(new Error('the worker ended'), { code: 'WORKER_LOST' }));
    assert.equal(await order, undefined);
  });
  assert.equal(lines.length, 1);
  assert.deepEqual(model.state(), { kind: 'failed', code: 'WORKER_LOST' });
  const again = reranker.order('some question', candidates);
  await turn();
  engine.calls[1].answer({ b: 1 });
  assert.deepEqual(await again, [1, 0]);
  assert.deepEqual(model.state(), { kind: 'ready' });
});

test('the bytes of a download are told, other phases have none', async () => {
  const seen = [];
  const model = new Model(async (onProgress) => {
    onProgress({ phase: 'download', loaded: 5, total: 10, progress: 0.4 });
    onProgress({ phase: 'verify', loaded: 10, total: 10, progress: 0.8 });
    return fakeEngine({});
  });
  model.subscribe(() => seen.push(model.state()));
  await model.load();
  assert.deepEqual(seen, [
    { kind: 'loading', bytes: null },
    { kind: 'loading', bytes: { loaded: 5, total: 10 } },
    { kind: 'loading', bytes: null },
    { kind: 'ready' },
  ]);
});

test('when the model may be brought: options, and a reader who saves data', (t) => {
  const may = (load, saveData = 'respect') =>
    ['idle', 'focus', 'submit'].filter((on) => mayLoad({ load, saveData }, on));
  let saves = false;
  globalThis.matchMedia = () => ({ matches: saves });
  globalThis.navigator ??= {};
  t.after(() => delete globalThis.matchMedia);
  assert.deepEqual(may('idle'), ['idle', 'focus', 'submit']);
  assert.deepEqual(may('on-focus'), ['focus', 'submit']);
  assert.deepEqual(may('on-submit'), ['submit']);
  saves = true;
  assert.deepEqual(may('idle'), ['submit']);
  assert.deepEqual(may('on-focus'), ['submit']);
  assert.deepEqual(may('on-focus', 'ignore'), ['focus', 'submit']);
});

/** A session over sections a, b, c, whose model answers as the test says. */
function makeSession({ scores, budgetMs = 60_000, results = 8, allowed = () => true, search } = {}) {
  const { engine, model, reranker } = make({ budgetMs }, scores);
  const found = ['a', 'b', 'c'].map((name, i) => ({ section: section(name), score: 3 - i }));
  const session = new SearchSession({
    search: search ?? (async () => found),
    reranker,
    model,
    mayLoad: allowed,
    results,
    candidates: 30,
    budgetMs,
  });
  const shown = () =>
    session
      .view()
      .results.map(({ page }) => page)
      .join('');
  return { session, engine, model, shown };
}

const until = async (check) => {
  for (let i = 0; i < 400 && !check(); i++) await turn();
  assert.ok(check());
};

test('base results at once, then the model’s order', async () => {
  const { session, shown, engine } = makeSession();
  await session.start();
  await session.search('some question');
  assert.equal(shown(), 'abc');
  assert.equal(session.view().order, 'base');
  await until(() => engine.calls.length === 1);
  assert.equal(session.view().reading, true);
  engine.calls[0].answer({ c: 1, b: 0.5 });
  await until(() => session.view().order === 'reranked');
  assert.equal(shown(), 'cba');
  await session.search('some question ');
  assert.equal(shown(), 'cba', 'what is known is shown at once');
  assert.equal(engine.calls.length, 1);
});

for (const [why, prepare] of [
  ['the reader’s pointer or keys are on the list', { before: (session) => session.hold(true) }],
  ['the budget is over', { budgetMs: 1 }],
]) {
  test(`nothing moves when ${why}; the better order is offered`, async () => {
    const { session, shown, engine } = makeSession({ budgetMs: prepare.budgetMs });
    await session.search('some question');
    await until(() => engine.calls.length === 1);
    prepare.before?.(session);
    engine.calls[0].answer({ c: 1 });
    await until(() => session.view().better);
    assert.equal(shown(), 'abc');
    assert.equal(session.view().order, 'base');
    session.showBetter();
    assert.equal(shown(), 'cab');
    assert.equal(session.view().order, 'reranked');
    assert.equal(session.view().better, false);
  });
}

test('an order that moves no row that is shown is taken silently', async () => {
  const { session, engine, shown } = makeSession({ budgetMs: 1, results: 1 });
  await session.search('some question');
  await until(() => engine.calls.length === 1);
  engine.calls[0].answer({ a: 1 });
  await until(() => session.view().order === 'reranked');
  assert.equal(shown(), 'a');
  assert.equal(session.view().better, false);
});

test('an older search that answers late is not shown', async () => {
  const answers = [];
  const { session, shown } = makeSession({
    search: (query) =>
      new Promise((resolve) => answers.push(() => resolve([{ section: section(query), score: 1 }]))),
  });
  const first = session.search('old');
  const second = session.search('new');
  answers[1]();
  await second;
  answers[0]();
  await first;
  assert.equal(shown(), 'new');
});

test('without permission the model is not brought until the reader submits', async () => {
  let loads = 0;
  const { session, shown, model } = makeSession({
    allowed: (trigger) => trigger === 'submit',
    scores: { c: 1 },
  });
  model.subscribe(() => {
    loads += 1;
  });
  await session.start();
  await session.search('some question');
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(loads, 0);
  assert.equal(shown(), 'abc');
  session.submit();
  await until(() => session.view().order === 'reranked');
  assert.equal(shown(), 'cab');
});

test('a locale that the model does not read keeps its base order', async () => {
  const { session, shown, engine, model } = makeSession({ allowed: () => false, scores: { c: 1 } });
  await session.start();
  await session.search('some question');
  session.submit();
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(shown(), 'abc');
  assert.equal(engine.calls.length, 0);
  assert.deepEqual(model.state(), { kind: 'waiting' });
});

test('an index that cannot be fetched is said, and the next search tries again', async (t) => {
  let broken = true;
  const { session, shown } = makeSession({
    search: async () => {
      if (broken) throw new Error('404');
      return [{ section: section('a'), score: 1 }];
    },
  });
  await warnings(t, async () => {
    await session.start();
    await session.search('some question');
  });
  assert.equal(session.view().phase, 'failed');
  broken = false;
  await session.search('some questions');
  assert.equal(shown(), 'a');
});

test('an empty box has no results', async () => {
  const { session } = makeSession({ scores: {} });
  await session.search('some question');
  await session.search('  ');
  assert.deepEqual(session.view(), {
    query: '',
    phase: 'empty',
    results: [],
    order: 'base',
    reading: false,
    better: false,
  });
});
