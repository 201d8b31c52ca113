// How a call is shared out and put together again: who gets which pairs, how many workers, turns, sizes of texts.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { pieces } from '../../pkg/dist/engine.js';
import { Gathered } from '../../pkg/dist/gathered.js';
import { split, weigh, workersAtMost, workersFor } from '../../pkg/dist/share.js';
import { Superseding } from '../../pkg/dist/supersede.js';
import { utf8Bytes } from '../../pkg/dist/text.js';
import { Turns } from '../../pkg/dist/turns.js';
import { test } from '../support/test.mjs';

const never = new AbortController().signal;

test("'auto' leaves a processor free, uses at most 4 workers, and one for every 4 pairs; never less than 1", () => {
  assert.deepEqual(
    [1, 2, 3, 5, 64].map((processors) => workersAtMost('auto', processors)),
    [1, 1, 2, 4, 4],
  );
  assert.deepEqual(
    [0, 1, 7, 8, 15, 16, 1000].map((pairs) => workersFor(pairs, 'auto', 8)),
    [1, 1, 1, 2, 3, 4, 4],
  );
  assert.equal(workersFor(1000, 'auto', 3), 2);
});

test('a number is taken as it is, as far as there are pairs', () => {
  assert.deepEqual(
    [0, 1, 2, 3, 100].map((pairs) => workersFor(pairs, 3, 1)),
    [1, 1, 2, 3, 3],
  );
});

test('split: longest first to the lightest, each share in input order', () => {
  assert.deepEqual(split([1, 9, 2, 8, 3, 7], 2), [
    [0, 1, 2, 4],
    [3, 5],
  ]);
  assert.deepEqual(split([5, 5, 5], 1), [[0, 1, 2]]);
  assert.deepEqual(split([0, 0, 0, 0], 2), [
    [0, 2],
    [1, 3],
  ]);
});

test('split: every pair in exactly one share, none empty while there are pairs, and balanced', () => {
  const weights = fc.array(fc.integer({ min: 0, max: 2048 }), { maxLength: 200 });
  fc.assert(
    fc.property(weights, fc.integer({ min: 1, max: 16 }), (weights, count) => {
      const shares = split(weights, count);
      assert.equal(shares.length, count);
      assert.deepEqual(
        shares.flat().sort((a, b) => a - b),
        weights.map((_, i) => i),
      );
      for (const share of shares)
        assert.deepEqual(
          share,
          [...share].sort((a, b) => a - b),
        );
      if (weights.length >= count) assert.ok(shares.every((share) => share.length > 0));
      const sums = shares.map((share) => share.reduce((sum, place) => sum + weights[place], 0));
      // The well-known bound of this rule: no share is heavier than an even one by more than one pair.
      const even = sums.reduce((a, b) => a + b, 0) / count;
      assert.ok(Math.max(...sums) <= even + Math.max(0, ...weights));
    }),
  );
});

test('weigh: characters of query and document, no more than the model reads', () => {
  assert.deepEqual(weigh(['q', 'abc', 'qq', 'x'.repeat(10_000)], 128), [4, 512]);
  assert.deepEqual(weigh([], 128), []);
});

test('gathered: scores in their places, whatever the parts; counts add up; times are of the slowest', () => {
  const gathered = new Gathered(4);
  gathered.add([3, 0], { scores: Float32Array.of(30, 0.5), tokens: 7, truncated: 1, batches: 1 });
  assert.deepEqual([...gathered.scores], [0.5, Number.NaN, Number.NaN, 30]);
  gathered.add([1, 2], { scores: Float32Array.of(10, 20), tokens: 5, truncated: 0, batches: 2 });
  gathered.took({ tokenizeMs: 1, scoreMs: 9, memoryBytes: 0 });
  gathered.took({ tokenizeMs: 2, scoreMs: 3, memoryBytes: 0 });
  const { scored, tokens, truncated, batches, tokenizeMs, scoreMs } = gathered;
  assert.deepEqual([scored, tokens, truncated, batches, tokenizeMs, scoreMs], [4, 12, 1, 3, 2, 9]);
  assert.deepEqual([...gathered.scores], [0.5, 10, 20, 30]);
});

test('pieces: neighbours up to the limit, a longer pair alone, nothing lost', () => {
  const pairs = ['q', 'aaa', 'q', 'bbb', 'q', 'c', 'q', 'd'.repeat(50), 'q', 'e'];
  assert.deepEqual(
    pieces(pairs, 10).map((piece) => piece.filter((_, i) => i % 2 === 1).map((text) => text[0])),
    [['a', 'b', 'c'], ['d'], ['e']],
  );
  assert.deepEqual(pieces(pairs, Number.POSITIVE_INFINITY), [pairs]);
  assert.deepEqual(pieces([], 10), []);
  fc.assert(
    fc.property(fc.array(fc.string()), fc.nat(100), (texts, limit) => {
      const flat = texts.slice(0, texts.length - (texts.length % 2));
      assert.deepEqual(pieces(flat, limit).flat(), flat);
    }),
  );
});

test('utf8Bytes is what TextEncoder says', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.equal(utf8Bytes(text), new TextEncoder().encode(text).length);
    }),
    { numRuns: 1000 },
  );
  assert.equal(utf8Bytes('aé€🦀'), 1 + 2 + 3 + 4);
});

test('turns: first in, first out; a failure ends its own turn only; an abort leaves the line at once', async () => {
  const turns = new Turns();
  const log = [];
  let open;
  const gate = new Promise((resolve) => {
    open = resolve;
  });
  const turn = (name, signal = never, work = async () => {}) =>
    turns.run(signal, async () => {
      log.push(name);
      await work();
    });
  const aborting = new AbortController();
  const first = turn('first', never, () => gate);
  const failing = turn('failing', never, () => Promise.reject(new Error('boom')));
  const aborted = turn('aborted', aborting.signal);
  const last = turn('last');
  aborting.abort();
  await assert.rejects(aborted, { code: 'ABORTED' });
  assert.deepEqual(log, ['first'], 'an abort in the line lets nobody pass');
  open();
  await first;
  await assert.rejects(failing, /boom/);
  await last;
  assert.deepEqual(log, ['first', 'failing', 'last']);
});

test('superseding: a newer call aborts the older one of its key, and only that', () => {
  const superseding = new Superseding();
  const [one, two, three, other] = Array.from({ length: 4 }, () => new AbortController());
  const leaveOne = superseding.enter('search', one);
  superseding.enter('other', other);
  superseding.enter(undefined, new AbortController());
  const leaveTwo = superseding.enter('search', two);
  assert.equal(one.signal.reason.code, 'ABORTED');
  assert.match(one.signal.reason.message, /^superseded/);
  leaveOne();
  superseding.enter('search', three);
  assert.ok(two.signal.aborted, 'an older call that leaves does not free the key');
  leaveTwo();
  assert.ok(!three.signal.aborted && !other.signal.aborted);
});
