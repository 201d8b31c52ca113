// One download against a server that misbehaves, in Node: retries, resumption, caps, stalls, aborts.
import assert from 'node:assert/strict';
import { downloadVerified, streamFile } from '../../pkg/dist/assets/download.js';
import { CrossrankError } from '../../pkg/dist/errors.js';
import { sha256 } from '../support/models.mjs';
import { startServer } from '../support/server.mjs';
import { test } from '../support/test.mjs';

const body = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 7919) & 255));
const file = { path: 'f.bin', bytes: body.length, sha256: sha256(body) };
const hasty = { retries: 3, backoffMs: 1, stallMs: 200 };
const never = new AbortController().signal;

async function serverWithFile(t) {
  const server = await startServer({ files: { '/f.bin': body } });
  t.after(() => server.close());
  return server;
}

async function download(server, { signal = never, onBytes = () => {}, ...change } = {}) {
  const options = { signal, policy: hasty, cacheMode: 'default', onBytes };
  return Buffer.from(await downloadVerified(server.url('/f.bin'), { ...file, ...change }, options));
}

async function stream(server, options = {}) {
  const chunks = [];
  const tooLong = () => new CrossrankError('LIMIT', 'too long');
  const all = {
    signal: never,
    policy: hasty,
    cacheMode: 'default',
    maxBytes: body.length,
    tooLong,
    ...options,
  };
  for await (const chunk of streamFile(server.url('/f.bin'), all)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

test('a good file arrives whole, in one request', async (t) => {
  const server = await serverWithFile(t);
  assert.ok((await download(server)).equals(body));
  assert.equal(server.requests().length, 1);
});

test('the same where a body cannot be read into given memory, and no chunk is kept past the next', async (t) => {
  const server = await serverWithFile(t);
  const { getReader } = ReadableStream.prototype;
  t.after(() => Object.assign(ReadableStream.prototype, { getReader }));
  if (ArrayBuffer.prototype.transfer === undefined) {
    ArrayBuffer.prototype.transfer = function () {
      return structuredClone(this, { transfer: [this] });
    };
    t.after(() => delete ArrayBuffer.prototype.transfer);
  }
  let [refused, used] = [0, []];
  ReadableStream.prototype.getReader = function (options) {
    if (options?.mode === 'byob') {
      refused += 1;
      throw new TypeError('no byte streams here');
    }
    const reader = getReader.call(this);
    const read = async () => {
      assert.ok(used.every((chunk) => chunk.buffer.byteLength === 0));
      const step = await reader.read();
      used = step.done ? used : [...used, step.value];
      return step;
    };
    return { read };
  };
  assert.ok((await download(server)).equals(body));
  assert.equal(refused, 1);
  assert.ok(used.length > 0);
});

test('a connection cut again and again is resumed each time, and each byte is delivered once', async (t) => {
  const server = await serverWithFile(t);
  server.fault('/f.bin', 'drop', 1);
  assert.ok((await stream(server)).equals(body));
  server.fault('/f.bin', 'drop', 3);
  let counted = 0;
  assert.ok((await download(server, { onBytes: (n) => (counted += n) })).equals(body));
  assert.equal(counted, body.length);
});

test('a host without Range: what was delivered is skipped', async (t) => {
  const server = await serverWithFile(t);
  server.fault('/f.bin', 'drop', 1);
  server.fault('/f.bin', 'no-length', 1);
  assert.ok((await stream(server)).equals(body));
  assert.equal(server.requests().length, 2);
});

test('server errors are retried three times, then NETWORK; a 404 is not retried', async (t) => {
  const server = await serverWithFile(t);
  server.fault('/f.bin', 'status-500', 3);
  assert.ok((await download(server)).equals(body));
  server.fault('/f.bin', 'status-500');
  server.forget();
  await assert.rejects(download(server), { code: 'NETWORK', retryable: true, status: 500 });
  assert.equal(server.requests().length, 4);
  server.heal();
  server.forget();
  server.fault('/f.bin', 'status-404');
  await assert.rejects(download(server), { code: 'NETWORK', status: 404 });
  assert.equal(server.requests().length, 1);
});

test('a stalled connection is given up and tried again', async (t) => {
  const server = await serverWithFile(t);
  server.fault('/f.bin', 'stall', 1);
  assert.ok((await download(server)).equals(body));
  server.fault('/f.bin', 'stall');
  await assert.rejects(download(server), { code: 'NETWORK', message: /sent nothing for too long/ });
});

test('a slow consumer is no stall', async (t) => {
  const server = await serverWithFile(t);
  const slow = streamFile(server.url('/f.bin'), {
    signal: never,
    policy: { ...hasty, stallMs: 500, retries: 0 },
    cacheMode: 'default',
    maxBytes: body.length,
    tooLong: () => new CrossrankError('LIMIT', 'too long'),
  });
  let bytes = 0;
  for await (const chunk of slow) {
    if (bytes === 0) await new Promise((resolve) => setTimeout(resolve, 1000));
    bytes += chunk.byteLength;
  }
  assert.equal(bytes, body.length);
});

test('wrong bytes are fetched once more past the HTTP cache, then INTEGRITY', async (t) => {
  const server = await serverWithFile(t);
  server.fault('/f.bin', 'corrupt', 1);
  assert.ok((await download(server)).equals(body));
  for (const [kind, message] of [
    ['corrupt', /sha256/],
    ['truncated', /199999 instead of 200000/],
    ['too-long', /more than the 200000 bytes/],
  ]) {
    server.heal();
    server.forget();
    server.fault('/f.bin', kind);
    await assert.rejects(download(server), { code: 'INTEGRITY', message });
    assert.equal(server.requests().length, 2, kind);
  }
});

test('HTML is refused at once, whatever its length', async (t) => {
  const server = await serverWithFile(t);
  server.fault('/f.bin', 'html');
  await assert.rejects(download(server), { code: 'INTEGRITY', message: /index\.html/ });
  assert.equal(server.requests().length, 1);
});

test('the cap holds while bytes arrive, and does not trust the announced length', async (t) => {
  const server = await serverWithFile(t);
  server.fault('/f.bin', 'no-length');
  await assert.rejects(stream(server, { maxBytes: 1000 }), { code: 'LIMIT' });
});

test('an abort ends a download at any moment: before, in the body, in the back-off', async (t) => {
  const server = await serverWithFile(t);
  await assert.rejects(download(server, { signal: AbortSignal.abort() }), {
    code: 'ABORTED',
    name: 'AbortError',
  });

  server.fault('/f.bin', 'stall');
  const during = new AbortController();
  const onBytes = () => during.abort('enough');
  await assert.rejects(download(server, { signal: during.signal, onBytes }), {
    code: 'ABORTED',
    cause: 'enough',
  });

  server.heal();
  server.fault('/f.bin', 'status-500');
  const waiting = new AbortController();
  const patient = { signal: waiting.signal, policy: { ...hasty, backoffMs: 60_000 } };
  setTimeout(() => waiting.abort(), 100);
  await assert.rejects(stream(server, patient), { code: 'ABORTED' });
});

test('a host that is not there is NETWORK, with the URL and the cause', async () => {
  const server = await startServer();
  await server.close();
  await assert.rejects(download(server), (error) => {
    assert.equal(error.code, 'NETWORK');
    assert.ok(error.message.includes(server.origin));
    return error.cause instanceof Error;
  });
});
