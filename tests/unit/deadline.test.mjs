// The deadline of what a GPU is asked, and the constant that no module can read from package.json.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { within } from '../../pkg/dist/deadline.js';
import { VERSION } from '../../pkg/dist/version.js';
import { root } from '../support/server.mjs';
import { test } from '../support/test.mjs';

test('what comes in time comes through, and what does not is late', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  assert.equal(await within(Promise.resolve(7), 1000, () => new Error('late')), 7);
  await assert.rejects(
    within(Promise.reject(new Error('own')), 1000, () => new Error('late')),
    /own/,
  );
  const late = assert.rejects(
    within(new Promise(() => {}), 1000, () => new Error('late')),
    /late/,
  );
  t.mock.timers.tick(1000);
  await late;
});

test('an answer just before the end counts, and leaves no timer', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let answer;
  const promise = within(
    new Promise((resolve) => {
      answer = resolve;
    }),
    1000,
    () => new Error('late'),
  );
  t.mock.timers.tick(900);
  answer('here');
  assert.equal(await promise, 'here');
});

test('the version of the modules is that of the package', () => {
  assert.equal(VERSION, JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).version);
});
