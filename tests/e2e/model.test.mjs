// The real engine in a real worker: golden values of the Python reference, and the properties that scores must have.
import assert from 'node:assert/strict';
import { useBrowser } from '../support/browser.mjs';
import { golden, hubFolder, tinyInt4Folder } from '../support/models.mjs';
import { test } from '../support/test.mjs';

const open = useBrowser();
const tiny = golden('tiny');
/** The f32 path is the reference, not the fast one, and a machine may be busy. */
const slow = { timeout: 240_000 };

async function openTiny(t) {
  const opened = await open(t, { files: hubFolder() });
  await opened.page.evaluate(() => load({ model: '/hub/' }));
  return opened;
}

for (const [name, folder, pairs, tolerance] of [
  ['tiny', '/hub/', tiny, 1e-4],
  ['default', '/model/', golden('default'), 1e-3],
]) {
  test(`${name} model: predict at f32 gives the reference's logits within ${tolerance}`, slow, async (t) => {
    const { page } = await open(t, { files: hubFolder() });
    const model = folder === '/model/' ? undefined : folder;
    const status = await page.evaluate((model) => load({ model, precision: 'f32' }), model);
    assert.equal(status.model.precision, 'f32');
    assert.ok(pairs.length >= 45);
    const logits = await predictAll(page, pairs, 'identity');
    for (const [i, { logit, name }] of pairs.entries()) assertClose(logits[i], logit, tolerance, name);
  });

  test(`${name} model: exact token ids and segments; predict gives what the engine gives for each pair alone`, async (t) => {
    const { page } = await open(t, { files: hubFolder() });
    const results = await runEngine(page, folder, '', pairs);
    const status = await page.evaluate((model) => load(model === '/model/' ? {} : { model }), folder);
    assert.equal(status.verified, folder === '/model/');
    const logits = await predictAll(page, pairs, 'identity');
    const sigmoids = await predictAll(page, pairs, 'sigmoid');
    assert.equal(results.length, pairs.length);
    for (const [i, { ids, segments, logit }] of results.entries()) {
      const { name, input_ids, token_type_ids } = pairs[i];
      assert.deepEqual(ids, input_ids, name);
      assert.deepEqual(segments, token_type_ids, name);
      assert.equal(logits[i], logit, name);
      assertClose(sigmoids[i], 1 / (1 + Math.exp(-logit)), 1e-6, name);
    }
  });
}

test('tiny model with words in 4 bits: int8 is near f32, and that is not the model with words in int8', async (t) => {
  const { page } = await open(t, { files: { ...tinyInt4Folder(), ...hubFolder() } });
  const scores = {};
  for (const [name, model, precision] of [
    ['int8', '/tiny4/', 'int8'],
    ['f32', '/tiny4/', 'f32'],
    ['other', '/hub/', 'f32'],
  ]) {
    const status = await page.evaluate((options) => load(options), { model, precision });
    assert.equal(status.model.dtype, model === '/tiny4/' ? 'int8' : 'f32');
    scores[name] = await predictAll(page, tiny, 'identity');
  }
  const distance = (a, b) => a.reduce((sum, score, i) => sum + Math.abs(score - b[i]), 0) / a.length;
  assert.ok(distance(scores.int8, scores.f32) <= 0.06, String(distance(scores.int8, scores.f32)));
  // tests/reference/README.md: 0.11, by a quantiser of its own.
  const rounding = distance(scores.f32, scores.other);
  assert.ok(rounding > 0.09 && rounding < 0.13, String(rounding));
});

test('default model: predict at its default precision is near the reference', async (t) => {
  const { page } = await open(t);
  const pairs = golden('default');
  const status = await page.evaluate(() => load());
  assert.equal(status.model.precision, 'int8');
  const logits = await predictAll(page, pairs, 'identity');
  const distances = pairs.map(({ logit }, i) => Math.abs(logit - logits[i]));
  const mean = distances.reduce((sum, distance) => sum + distance) / pairs.length;
  assert.ok(mean <= 0.06, `mean ${mean}`);
  assert.ok(Math.max(...distances) <= 0.25, `largest ${Math.max(...distances)}`);
  assert.ok(mean > 1e-4, 'it is another arithmetic than f32');
});

test('both binaries give the same scores, bit for bit, and status says which runs', async (t) => {
  const { page, server } = await open(t, { files: hubFolder() });
  const pairs = golden('default').map(({ query, document }) => [query, document]);
  const result = await page.evaluate(async (pairs) => {
    const bits = async (options) => {
      const { device } = await load(options);
      const scores = await reranker.predict(pairs);
      await reranker.dispose();
      return { simd: device.simd, bits: Array.from(new Uint32Array(scores.buffer)) };
    };
    const all = [];
    for (const model of [undefined, '/hub/']) {
      all.push([await bits({ model }), await bits({ model, createWorker: createSimd128Worker })]);
    }
    return all;
  }, pairs);
  for (const [best, plain] of result) {
    assert.deepEqual([best.simd, plain.simd], ['relaxed', 'simd128']);
    assert.deepEqual(plain.bits, best.bits);
    assert.ok(new Set(best.bits).size > pairs.length / 2, 'the scores differ');
  }
  assert.ok(server.requests('/crossrank_cpu_bg.wasm').length > 0);
  assert.ok(server.requests('/crossrank_cpu_relaxed_bg.wasm').length > 0);
});

test('1, 2 or 3 workers, parts or none, any order of the pairs: the same scores, bit for bit', async (t) => {
  const { page } = await open(t);
  const short = golden('default').filter(({ document }) => document.length < 700);
  const pairs = short.map(({ query, document }) => [query, document]);
  assert.ok(pairs.length >= 30);
  const result = await page.evaluate(async (pairs) => {
    const bitsOf = (scores) => Array.from(new Uint32Array(Float32Array.from(scores).buffer));
    const places = pairs.map((_, i) => (i * 37 + 5) % pairs.length);
    if (new Set(places).size !== pairs.length) throw new Error('no permutation');
    const shuffled = places.map((place) => pairs[place]);
    const seen = [];
    for (const workers of [1, 2, 3]) {
      await load({ workers });
      await reranker.warmup();
      seen.push(bitsOf(await reranker.predict(pairs)));
      const used = reranker.status.last.workers;
      if (used !== workers) throw new Error(`${used} workers`);
      const back = [];
      const scores = await reranker.predict(shuffled);
      for (const [i, place] of places.entries()) back[place] = scores[i];
      seen.push(bitsOf(back));
      // One query, and parts of the result on the way.
      const ranked = await reranker.rank(
        pairs[0][0],
        pairs.map(([, d]) => d),
        { onPartial: () => {} },
      );
      seen.push([...ranked.map(({ index }) => index), ...bitsOf(ranked.map(({ score }) => score))]);
      await reranker.dispose();
    }
    return seen;
  }, pairs);
  const [predicted, , ranked] = result;
  for (const [i, bits] of result.entries())
    assert.deepEqual(bits, i % 3 === 2 ? ranked : predicted, `run ${i}`);
});

test('the order is the one that the engine gives', async (t) => {
  const { page } = await openTiny(t);
  const documents = tiny.map(({ document }) => document);
  const pairs = documents.flatMap((document) => ['how many retries', document]);
  const places = await page.evaluate(
    async (documents) => (await reranker.rank('how many retries', documents)).map(({ index }) => index),
    documents,
  );
  assert.ok(new Set(documents).size < documents.length, 'there are equal scores');
  assert.deepEqual(places, await runEngine(page, '/hub/', '', pairs));
});

test('truncated pairs are counted', async (t) => {
  const { page } = await openTiny(t);
  const status = await page.evaluate(async () => {
    await reranker.predict([
      ['q', 'word '.repeat(2000)],
      ['q', 'short'],
    ]);
    return reranker.status;
  });
  assert.equal(status.truncated, 1);
  assert.equal(status.last.truncated, 1);
  assert.ok(status.tokens > 512);
  assert.ok(status.memoryBytes > 0);
});

test('maxLength: of the load, of a call, and above what the model reads', async (t) => {
  const { page } = await openTiny(t);
  const pair = tiny.find(({ name }) => name === 'long-document-max-128');
  const [{ logit }] = await runEngine(page, '/hub/', '', [pair]);
  const result = await page.evaluate(async ({ query, document }) => {
    const score = async (options) => (await reranker.predict([[query, document]], options))[0];
    const whole = await score();
    const perCall = await score({ maxLength: 128 });
    const tooLong = await outcome(score({ maxLength: 513 }));
    const never = await outcome(load({ model: '/hub/', maxLength: 513 }));
    const status = await load({ model: '/hub/', maxLength: 128 });
    return { whole, perCall, perLoad: await score(), tooLong, never, status };
  }, pair);
  assert.ok(Math.abs(result.whole - logit) > 1e-3, 'the length matters for this pair');
  assertClose(result.perCall, logit, 1e-5, 'per call');
  assertClose(result.perLoad, logit, 1e-5, 'per load');
  assert.equal(result.status.model.maxLength, 128);
  assert.equal(result.tooLong.error?.code, 'OPTION');
  assert.equal(result.never.error?.code, 'OPTION');
});

test('the score of a pair depends on nothing but the pair: not on position, company or call order', async (t) => {
  const { page } = await openTiny(t);
  const pairs = tiny
    .filter(({ max_length }) => max_length === 512)
    .map(({ query, document }) => [query, document]);
  const { alone, together, reversed, shuffled } = await page.evaluate(async (pairs) => {
    const predict = async (list) => Array.from(await reranker.predict(list));
    const together = await predict(pairs);
    const reversed = (await predict([...pairs].reverse())).reverse();
    // A fixed shuffle: a step that has no factor in common with the length visits each place once.
    const places = pairs.map((_, i) => (i * 37 + 11) % pairs.length);
    const scores = await predict(places.map((place) => pairs[place]));
    const shuffled = [];
    for (const [i, place] of places.entries()) shuffled[place] = scores[i];
    const calls = await Promise.all(pairs.map((pair) => predict([pair])));
    return { alone: calls.map(([score]) => score), together, reversed, shuffled };
  }, pairs);
  assert.ok(new Set(together.map((score) => score.toFixed(4))).size > pairs.length / 2, 'the scores differ');
  for (const [i, [query]] of pairs.entries()) {
    for (const other of [alone, reversed, shuffled])
      assertClose(other[i], together[i], 1e-5, query.slice(0, 40));
  }
});

test('rank orders as predict scores, permuting documents permutes the result, topK is a prefix', async (t) => {
  const { page } = await openTiny(t);
  // No document twice: equal scores are in input order, which a permutation changes.
  const documents = [...new Set(tiny.map(({ document }) => document))].slice(0, 30);
  const { scores, ranked, permuted, tops, sigmoid } = await page.evaluate(async (documents) => {
    const query = 'how many retries';
    const plain = (list) => list.map(({ index, score }) => ({ index, score }));
    const scores = Array.from(await reranker.predict(documents.map((d) => [query, d])));
    const ranked = plain(await reranker.rank(query, documents));
    const permuted = await reranker.rank(query, [...documents].reverse());
    const tops = [];
    for (const topK of [1, 7, 30, 100])
      tops.push([topK, plain(await reranker.rank(query, documents, { topK }))]);
    const sigmoid = plain(await reranker.rank(query, documents, { activation: 'sigmoid' }));
    return { scores, ranked, permuted: plain(permuted), tops, sigmoid };
  }, documents);
  const expected = scores.map((score, index) => ({ index, score }));
  expected.sort((a, b) => b.score - a.score || a.index - b.index);
  assert.deepEqual(ranked, expected);
  assert.deepEqual(
    permuted.map(({ index }) => documents.length - 1 - index),
    ranked.map(({ index }) => index),
  );
  for (const [topK, top] of tops) assert.deepEqual(top, ranked.slice(0, topK));
  assert.deepEqual(
    sigmoid.map(({ index }) => index),
    ranked.map(({ index }) => index),
  );
  for (const [i, { score }] of sigmoid.entries()) {
    assertClose(score, 1 / (1 + Math.exp(-ranked[i].score)), 1e-6, `place ${i}`);
  }
});

test('a worker killed in mid-rank rejects, and the next rank gives the same as before', async (t) => {
  const { page, server } = await open(t, { files: hubFolder() });
  const result = await page.evaluate(
    async (documents) => {
      await load({ model: '/hub/', createWorker });
      const before = await reranker.rank('open', documents);
      const pending = [];
      // At once, after the first batches, and with a call waiting behind.
      for (const wait of [0, 1, 15, 60]) {
        const calls = [
          reranker.rank('open', Array(40).fill(documents).flat()),
          reranker.rank('open', documents),
        ];
        const settled = Promise.all(calls.map(outcome));
        await pause(wait);
        workers.at(-1).terminate();
        pending.push(...(await settled));
        const again = await reranker.rank('open', documents);
        if (JSON.stringify(again) !== JSON.stringify(before)) return { differs: wait };
      }
      return { codes: pending.map(({ error }) => error?.code), workers: workers.length };
    },
    tiny.slice(0, 20).map(({ document }) => document),
  );
  assert.deepEqual(result, { codes: Array(8).fill('WORKER_LOST'), workers: 5 });
  assert.equal(server.requests('model.safetensors').length, 1, 'later workers were fed from the cache');
});

test('hostile text: lone surrogates become U+FFFD, NUL and bidi marks are kept, caps give LIMIT', async (t) => {
  const { page } = await openTiny(t);
  const result = await page.evaluate(async () => {
    const pairs = [
      ['a\ud800b', 'c\udc00'],
      ['a\ufffdb', 'c\ufffd'],
      ['\u0000\u202e', '\u2066x'],
    ];
    const scores = Array.from(await reranker.predict(pairs));
    const long = await outcome(reranker.rank('q', ['x'.repeat(5 * 1024 * 1024)]));
    const many = await outcome(reranker.rank('q', Array(10_001).fill('d')));
    const next = await outcome(reranker.rank('q', ['d']));
    return { scores, long, many, next };
  });
  assert.equal(result.scores[0], result.scores[1]);
  assert.ok(result.scores.every(Number.isFinite));
  assert.equal(result.long.error?.code, 'LIMIT');
  assert.equal(result.many.error?.code, 'LIMIT');
  assert.equal(result.next.value.length, 1);
});

for (const [file, name, change, says] of [
  ['config.json', 'cut', () => Buffer.from('{'), /config/],
  [
    'config.json',
    'of another shape',
    (b) => Buffer.from(String(b).replace('"hidden_size": 32', '"hidden_size": 48')),
    /embeddings/,
  ],
  ['tokenizer.json', 'empty', () => Buffer.from('{}'), /tokenizer/],
  ['tokenizer.json', 'cut', (b) => b.subarray(0, 5000), /tokenizer/],
  ['model.safetensors', 'another format', () => Buffer.from('\n\0\0\0\0\0\0\0not JSON..'), /header/],
  ['model.safetensors', 'a byte short', (b) => b.subarray(0, -1), /file ends/],
  ['model.safetensors', 'a byte long', (b) => Buffer.concat([b, Buffer.from('!')]), /weights/],
]) {
  test(`${file}, ${name}, gives MODEL_INVALID and is not kept`, async (t) => {
    const files = hubFolder();
    const good = files[`/hub/${file}`];
    const { page, server } = await open(t, { files: { ...files, [`/hub/${file}`]: change(good) } });
    const { error } = await page.evaluate(() => outcome(load({ model: '/hub/' })));
    assert.equal(error?.code, 'MODEL_INVALID', JSON.stringify(error));
    assert.match(error.message, says);
    server.files[`/hub/${file}`] = good;
    const { value } = await page.evaluate(() => outcome(load({ model: '/hub/' })));
    assert.equal(value?.state, 'ready');
  });
}

/** Runs pairs one by one in a worker of the test's own, without the client; flat ones to learn their order. */
async function runEngine(page, folder, precision, pairs) {
  return await page.evaluate(
    (message) =>
      new Promise((resolve, reject) => {
        const worker = new Worker('/tests/support/engine-worker.js', { type: 'module' });
        worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data));
        worker.onerror = () => reject(new Error('the engine worker could not be started'));
        worker.postMessage(message);
      }),
    { folder, precision, pairs },
  );
}

/** Scores pairs through the client, in one call for each maximal length. */
async function predictAll(page, pairs, activation) {
  return await page.evaluate(
    async ([pairs, activation]) => {
      const scores = [];
      for (const maxLength of new Set(pairs.map((pair) => pair.max_length))) {
        const places = pairs.flatMap((pair, i) => (pair.max_length === maxLength ? [i] : []));
        const list = places.map((i) => [pairs[i].query, pairs[i].document]);
        const found = await reranker.predict(list, { maxLength, activation });
        for (const [n, i] of places.entries()) scores[i] = found[n];
      }
      return scores;
    },
    [pairs, activation],
  );
}

function assertClose(got, expected, tolerance, name) {
  assert.ok(
    Math.abs(got - expected) <= tolerance,
    `${name}: ${got} is not within ${tolerance} of ${expected}`,
  );
}
