// Messages and errors: what each side believes, and the worker's loop over a real message channel.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { EngineBroken } from '../../pkg/dist/broken.js';
import { CrossrankError, ERROR_CODES, fromWire, isWireError, toWire } from '../../pkg/dist/errors.js';
import { isResult, isToPage, isToWorker } from '../../pkg/dist/protocol.js';
import { serve } from '../../pkg/dist/serve.js';
import { test } from '../support/test.mjs';

const run = { v: 3, id: 1, type: 'run', pairs: ['q', 'd'], maxLength: 0, activation: '', early: false };

test('guards accept real messages and refuse near misses', () => {
  assert.ok(isToWorker(run));
  assert.ok(isToWorker({ v: 3, id: 0, type: 'cancel' }));
  for (const wrong of [
    { ...run, v: 2 },
    { ...run, id: -1 },
    { ...run, id: '1' },
    { ...run, type: 'constructor' },
    { ...run, type: '__proto__' },
    { ...run, pairs: ['q'] },
    { ...run, pairs: ['q', 1] },
    { ...run, pairs: 'qd' },
    { ...run, maxLength: 1.5 },
    { ...run, activation: 'softmax' },
    { ...run, early: 1 },
    { v: 3, id: 1, type: 'weights', bytes: new Uint8Array(1) },
    null,
    'run',
  ]) {
    assert.ok(!isToWorker(wrong), JSON.stringify(wrong));
  }
  assert.ok(isToPage({ v: 3, id: 1, type: 'error', error: { code: 'LIMIT', message: '' } }));
  assert.ok(!isToPage({ v: 3, id: 1, type: 'error', error: { code: 'toString', message: '' } }));
  assert.ok(!isToPage({ v: 3, id: 1, type: 'result' }));
  assert.ok(isResult('hello', { lock: null }) && !isResult('hello', null));
  assert.ok(!isResult('run', { tokenizeMs: 0, scoreMs: -1, memoryBytes: 0 }));
  const part = { scores: new Float32Array(1), tokens: 3, truncated: 0, batches: 1 };
  assert.ok(isToPage({ v: 3, id: 1, type: 'part', part }));
  for (const wrong of [
    undefined,
    null,
    { ...part, scores: [1] },
    { ...part, tokens: -1 },
    { ...part, batches: '1' },
  ])
    assert.ok(!isToPage({ v: 3, id: 1, type: 'part', part: wrong }), JSON.stringify(wrong));
});

test('errors survive the trip as data, and a clone of it', () => {
  for (const [code, { retryable }] of Object.entries(ERROR_CODES)) {
    const error = fromWire(structuredClone(toWire(new CrossrankError(code, 'What. Why. Do.'))));
    assert.ok(error instanceof CrossrankError && error instanceof Error);
    assert.equal(error.code, code);
    assert.equal(error.retryable, retryable);
    assert.equal(error.message, `What. Why. Do. (docs/errors.md#${code.toLowerCase()})`);
    assert.equal(error.name, code === 'ABORTED' ? 'AbortError' : 'CrossrankError');
  }
  assert.equal(toWire(new TypeError('x')).code, 'INTERNAL');
  assert.equal(toWire(Object.create(null)).code, 'INTERNAL', 'even what has no text');
  for (const wrong of [
    null,
    'x',
    {},
    { code: 'NOPE', message: '' },
    { code: 'LIMIT' },
    { code: 'toString', message: '' },
  ]) {
    assert.ok(!isWireError(wrong));
  }
});

/** An engine whose calls last as long as the test likes. */
class ScriptedEngine {
  log = [];
  gates = new Map();
  async start() {
    return { simd: 'simd128' };
  }
  model() {}
  weights() {}
  finish() {
    return { maxLength: 512, activation: 'identity', memoryBytes: 0 };
  }
  async run({ pairs }, turn, onPart) {
    const [query] = pairs;
    this.log.push(`begin ${query}`);
    if (query === 'break') throw new EngineBroken(new CrossrankError('WORKER_LOST', 'trap'));
    if (query === 'fail') throw new CrossrankError('LIMIT', 'too much');
    for (let batch = 0; batch < 1000 && query === 'long'; batch++) await turn.between();
    this.log.push(`end ${query}`);
    onPart({ scores: Float32Array.of(1), tokens: 1, truncated: 0, batches: 1 });
    return { tokenizeMs: 0, scoreMs: 0, memoryBytes: 0 };
  }
}

/** A served engine, and a function that sends messages and waits for the given number of answers. */
function served(t) {
  const { port1, port2 } = new MessageChannel();
  t.after(() => port1.close());
  const engine = new ScriptedEngine();
  const counters = serve(port2, engine);
  port2.start();
  const answers = [];
  let wake = () => {};
  const parts = [];
  port1.on('message', (message) => {
    (message.type === 'part' ? parts : answers).push(message);
    wake();
  });
  const ask = async (messages, count) => {
    for (const message of messages) port1.postMessage(message);
    while (answers.length < count) {
      await new Promise((resolve) => {
        wake = resolve;
      });
    }
    return answers.splice(0);
  };
  return { engine, counters, ask, parts };
}

const call = (id, query) => ({ ...run, id, pairs: [query, 'd'] });

test('the worker answers in order, and one failure is not the end', async (t) => {
  const { ask, engine, parts } = served(t);
  const answers = await ask([call(1, 'long'), call(2, 'fail'), call(3, 'short')], 3);
  assert.deepEqual(
    answers.map(({ id, type }) => [id, type]),
    [
      [1, 'result'],
      [2, 'error'],
      [3, 'result'],
    ],
  );
  assert.deepEqual(engine.log, ['begin long', 'end long', 'begin fail', 'begin short', 'end short']);
  assert.equal(answers[1].error.code, 'LIMIT');
  assert.deepEqual(
    parts.map(({ id, part }) => [id, [...part.scores]]),
    [
      [1, [1]],
      [3, [1]],
    ],
    'the scores came before the answers',
  );
});

test('a cancel is seen between batches, and a waiting call is never begun', async (t) => {
  const { ask, engine } = served(t);
  const cancel = (id) => ({ v: 3, id, type: 'cancel' });
  const answers = await ask([call(1, 'long'), call(2, 'never'), call(3, 'short'), cancel(2), cancel(1)], 3);
  assert.deepEqual(
    answers.map(({ id, type, error }) => [id, type, error?.code]),
    [
      [2, 'error', 'ABORTED'],
      [1, 'error', 'ABORTED'],
      [3, 'result', undefined],
    ],
  );
  assert.deepEqual(engine.log, ['begin long', 'begin short', 'end short']);
});

test('after a trap the worker says fatal once and serves nothing more', async (t) => {
  const { ask, engine } = served(t);
  const [answer] = await ask([call(1, 'break'), call(2, 'short'), call(3, 'short')], 1);
  assert.deepEqual([answer.id, answer.type, answer.error.code], [1, 'fatal', 'WORKER_LOST']);
  assert.deepEqual(
    await Promise.race([ask([call(4, 'short')], 1), new Promise((r) => setTimeout(r, 100, 'silence'))]),
    'silence',
  );
  assert.deepEqual(engine.log, ['begin break']);
});

test('fuzzed messages are ignored and counted, and the worker still works', async (t) => {
  const { ask, counters } = served(t);
  const nearMiss = fc.record(
    {
      v: fc.constantFrom(1, 2, '2'),
      id: fc.anything(),
      type: fc.anything(),
      pairs: fc.anything(),
      error: fc.anything(),
    },
    { requiredKeys: [] },
  );
  const messages = fc.sample(fc.oneof(fc.anything(), nearMiss), 3000).filter((message) => {
    try {
      structuredClone(message);
    } catch {
      return false;
    }
    return !isToWorker(message);
  });
  assert.ok(messages.length > 1000);
  const [answer] = await ask([...messages, call(1, 'short')], 1);
  assert.equal(answer.type, 'result');
  assert.equal(counters.ignored, messages.length);
});
