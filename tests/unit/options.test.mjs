// Options and texts: what callers may pass, read once, never trusted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as options from '../../pkg/dist/options.js';
import { documentText, wellFormed } from '../../pkg/dist/text.js';

const { readLoadOptions, readPredictOptions } = options;
const readRankOptions = (value, count = 2) => options.readRankOptions(value, count);

const codeOf = (work) => {
  try {
    work();
  } catch (error) {
    return error.code;
  }
  return 'no error';
};

test('an unknown option names the nearest valid one', () => {
  assert.throws(() => readRankOptions({ topk: 3 }), {
    code: 'OPTION',
    message: /"topk".*Did you mean topK\?/,
  });
  assert.throws(() => readRankOptions({ activaton: 'sigmoid' }), { message: /Did you mean activation\?/ });
  assert.throws(() => readLoadOptions({ modle: '/m/' }), { message: /Did you mean model\?/ });
  assert.throws(() => readPredictOptions({ zzzzzzzzzzzz: 1 }), {
    message: /Valid options: activation, maxLength, signal, supersede/,
  });
  assert.throws(() => readPredictOptions({ topK: 1 }), { code: 'OPTION' });
  assert.throws(() => readPredictOptions({ [Symbol('s')]: 1 }), { code: 'OPTION' });
});

test('options must be an object', () => {
  for (const value of [null, 1, 'x', true, [], () => {}])
    assert.equal(
      codeOf(() => readRankOptions(value)),
      'OPTION',
    );
  assert.deepEqual(readRankOptions(undefined), {});
});

test('each option has a type, and the message says which', () => {
  const bad = {
    topK: [0, -1, 1.5, Number.NaN, '3', null, Number.POSITIVE_INFINITY],
    maxLength: [0, 'x', {}],
    activation: ['softmax', 1, null, 'toString'],
    signal: [{}, null, 'x', new AbortController()],
    text: ['title', null],
    budgetMs: [0, -1, '5', Number.NaN],
    onPartial: ['f', {}],
    supersede: ['', 1, null],
    blend: ['agro', null, 1],
  };
  for (const [key, values] of Object.entries(bad)) {
    for (const value of values) {
      assert.throws(() => readRankOptions({ [key]: value }), {
        code: 'OPTION',
        message: new RegExp(`Option ${key} .*must be`),
      });
    }
  }
  const badLoad = {
    model: ['', 1, null],
    device: ['gpu'],
    workers: [0, 'many', 1.5, 17, Number.POSITIVE_INFINITY],
    idleMs: [0, -1, '60', Number.NaN],
    reloadEvery: [0, 999, '2000', Number.NaN],
    onReload: [{}],
    precision: ['int4', 8, ''],
    cache: ['yes', 0, null],
  };
  Object.assign(badLoad, { onProgress: [{}], createWorker: ['worker.js'], wasmUrl: [1, ''] });
  for (const [key, values] of Object.entries(badLoad)) {
    for (const value of values) {
      assert.throws(() => readLoadOptions({ [key]: value }), {
        code: 'OPTION',
        message: new RegExp(`Option ${key} `),
      });
    }
  }
});

test('valid options come back frozen, and undefined means absent', () => {
  const { signal } = new AbortController();
  const text = (d) => d;
  const read = readRankOptions({ topK: 3, text, activation: 'sigmoid', maxLength: 128, signal });
  assert.deepEqual({ ...read }, { topK: 3, text, activation: 'sigmoid', maxLength: 128, signal });
  assert.ok(Object.isFrozen(read));
  assert.deepEqual({ ...readRankOptions({ topK: undefined }) }, {});
  assert.deepEqual({ ...readLoadOptions({ workers: 4, device: 'cpu' }) }, { workers: 4, device: 'cpu' });
  const pool = { workers: 16, idleMs: Number.POSITIVE_INFINITY, precision: 'f32' };
  assert.deepEqual({ ...readLoadOptions(pool) }, pool);
});

test('prototype pollution reaches nothing, inherited keys are not options', () => {
  assert.equal(
    codeOf(() => readRankOptions(JSON.parse('{"__proto__": {"polluted": 1}}'))),
    'OPTION',
  );
  assert.equal(
    codeOf(() => readRankOptions(JSON.parse('{"constructor": {"prototype": {"polluted": 1}}}'))),
    'OPTION',
  );
  assert.equal({}.polluted, undefined);
  assert.deepEqual({ ...readRankOptions(Object.create({ topK: 3 })) }, {});
});

test('getters are read once, and what they gave is what was checked', () => {
  let reads = 0;
  const options = {
    get topK() {
      reads += 1;
      return reads === 1 ? 3 : 'changed';
    },
  };
  assert.equal(readRankOptions(options).topK, 3);
  assert.equal(reads, 1);
});

test('any object either reads as options or is refused with OPTION', () => {
  fc.assert(
    fc.property(fc.object(), (value) =>
      ['OPTION', 'no error'].includes(codeOf(() => readRankOptions(value))),
    ),
    { numRuns: 2000 },
  );
});

test('the text of a document: path and title, each on a line, an empty line, text', () => {
  const textOf = (document) => documentText(document, 0, undefined);
  assert.equal(textOf('plain'), 'plain');
  assert.equal(textOf({ text: 'body' }), 'body');
  assert.equal(textOf({ text: 'body', path: 'src/a.rs' }), 'src/a.rs\n\nbody');
  assert.equal(textOf({ text: 'body', title: 'Title' }), 'Title\n\nbody');
  assert.equal(textOf({ text: 'body', title: 'Title', path: 'src/a.rs' }), 'src/a.rs\nTitle\n\nbody');
  assert.equal(textOf({ text: 'body', title: '', path: null }), 'body');
  assert.equal(textOf({ text: '' }), '');
  assert.equal(
    documentText({ name: 'x' }, 0, (d) => d.name),
    'x',
  );
  assert.equal(
    documentText('string', 0, (d) => d.toUpperCase()),
    'STRING',
    'options.text has the last word',
  );
});

test('a document without text names its place', () => {
  for (const document of [null, undefined, 1, {}, { text: 1 }, [], Symbol('x')]) {
    assert.throws(() => documentText(document, 7, undefined), { code: 'OPTION', message: /documents\[7\]/ });
  }
  assert.throws(() => documentText({ text: 'x', title: 1 }, 7, undefined), {
    message: /documents\[7\]\.title is a number/,
  });
  assert.throws(() => documentText('x', 7, () => 1), {
    code: 'OPTION',
    message: /returned a number for documents\[7\]/,
  });
  const cause = new Error('boom');
  const thrower = () => {
    throw cause;
  };
  assert.throws(() => documentText('x', 7, thrower), { code: 'OPTION', cause });
});

test('wellFormed is toWellFormed, and never changes well-formed text', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0xd700, max: 0xe0ff })), (units) => {
      const text = String.fromCharCode(...units);
      assert.equal(wellFormed(text), text.toWellFormed());
    }),
    { numRuns: 2000 },
  );
  assert.equal(wellFormed('🦀 née ß'), '🦀 née ß');
});
