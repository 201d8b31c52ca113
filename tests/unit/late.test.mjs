// Writes that wait for the model, over a cache that only notes what it is given.
import assert from 'node:assert/strict';
import { LateWrites, whileWriting, writesEnded } from '../../pkg/dist/assets/late.js';
import { LATE_WRITE_MS, MAX_LATE_BYTES } from '../../pkg/dist/limits.js';
import { test } from '../support/test.mjs';

/** A cache that takes `takes` files, and a list of what it was given. */
function fakeCache(takes = Number.POSITIVE_INFINITY) {
  const given = [];
  const write = async (key, bytes) => {
    given.push([key, ...bytes.subarray(0, 3)]);
    await null;
    return given.length <= takes;
  };
  return { given, write };
}

const bytes = (...values) => Uint8Array.from(values);

/** Node 20 has no `transfer`. */
ArrayBuffer.prototype.transfer ??= function () {
  return structuredClone(this, { transfer: [this] });
};

/** Lets all that can go on go on. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('files wait until the model is ready, and are then written in order, as they were when they came', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const cache = fakeCache();
  const late = new LateWrites(cache);
  const [moved, changed, left] = [bytes(1), bytes(2), bytes(3)];
  const stored = [late.write('a', moved), late.write('b', changed), late.write('c', left)];
  late.copy(moved);
  structuredClone(moved, { transfer: [moved.buffer] });
  late.copy(changed);
  changed.fill(9);
  late.copy(bytes(3)); // no file of ours
  await settle();
  assert.deepEqual(cache.given, []);
  late.begin();
  assert.deepEqual(await Promise.all(stored), [true, true, true]);
  assert.deepEqual(cache.given, [
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ]);
  assert.equal(left.length, 1, 'bytes that were not copied stay whose they are');
  assert.equal(await late.write('d', bytes(4)), true, 'afterwards nothing waits');
});

test('a file waits no longer than a moment, each from when it came', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const cache = fakeCache();
  const late = new LateWrites(cache);
  late.write('a', bytes(1));
  t.mock.timers.tick(LATE_WRITE_MS / 2);
  late.write('b', bytes(2));
  t.mock.timers.tick(LATE_WRITE_MS / 2 - 1);
  await settle();
  assert.deepEqual(cache.given, []);
  t.mock.timers.tick(1);
  await settle();
  assert.deepEqual(cache.given, [['a', 1]]);
  t.mock.timers.tick(LATE_WRITE_MS / 2);
  await settle();
  assert.deepEqual(cache.given.length, 2);
});

test('files above the cap on memory do not wait', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const cache = fakeCache();
  const late = new LateWrites(cache);
  const half = () => new Uint8Array(MAX_LATE_BYTES / 2);
  late.write('a', half());
  late.write('b', half());
  assert.equal(await late.write('c', bytes(1)), true);
  assert.deepEqual(
    cache.given.map(([key]) => key),
    ['c'],
  );
  t.mock.timers.tick(LATE_WRITE_MS);
  await settle();
  assert.equal(cache.given.length, 3);
  late.write('d', half());
  await settle();
  assert.equal(cache.given.length, 3, 'what is written counts no more');
});

test('after one file that does not fit no other is tried', async () => {
  const cache = fakeCache(1);
  const late = new LateWrites(cache);
  late.begin();
  const stored = ['a', 'b', 'c'].map((key) => late.write(key, bytes(1)));
  assert.deepEqual(await Promise.all(stored), [true, false, false]);
  assert.equal(cache.given.length, 2);
});

test('writesEnded waits for all that is being written, also for what was added meanwhile', async () => {
  await writesEnded();
  const ends = [];
  const work = () => whileWriting(new Promise((resolve) => ends.push(resolve)));
  work();
  let ended = false;
  const waiting = writesEnded().then(() => {
    ended = true;
  });
  await settle();
  work();
  ends[0]();
  await settle();
  assert.equal(ended, false);
  ends[1]();
  await waiting;
});
