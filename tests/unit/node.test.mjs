// The package in Node: importing it works and touches nothing, using it fails with a clear error.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { root } from '../support/server.mjs';

const node = (source) =>
  spawnSync(process.execPath, ['--input-type=module', '-e', source], { cwd: root, encoding: 'utf8' });

test('importing the package by its name works, prints nothing, and reads no browser global', () => {
  // Each browser global is a trap that reports whoever reads it.
  const { stdout, stderr, status } = node(`
    for (const name of ['window', 'document', 'Worker', 'caches', 'navigator', 'localStorage']) {
      Object.defineProperty(globalThis, name, { get() { throw new Error('read ' + name); }, configurable: true });
    }
    const names = Object.keys(await import('crossrank'));
    process.stdout.write(names.sort().join());
  `);
  assert.equal(stderr, '');
  assert.equal(status, 0);
  assert.equal(stdout, 'CrossrankError,Reranker,presets,rerankingModel,toCohere,toTEI');
});

test('the other entries load in Node too, but for the two scripts that only a browser can run', () => {
  const { stdout, stderr, status } = node(`
    const model = await import('crossrank-model-code');
    const { default: json } = await import('crossrank/package.json', { with: { type: 'json' } });
    const cdn = await import('crossrank/cdn');
    process.stdout.write([Object.keys(model.urls).length, json.name, typeof cdn.Reranker.load].join());
  `);
  assert.equal(stderr.replace(/^.*ExperimentalWarning.*\n.*trace-warnings.*\n/, ''), '');
  assert.equal(status, 0);
  assert.equal(stdout, '8,crossrank,function');
});

test('the feedback entry touches no browser global either, and in Node it keeps its rows in memory', () => {
  const { stdout, stderr } = node(`
    for (const name of ['window', 'document', 'caches', 'navigator', 'localStorage']) {
      Object.defineProperty(globalThis, name, { get() { throw new Error('read ' + name); }, configurable: true });
    }
    const { FeedbackLog, ...others } = await import('crossrank/feedback');
    const log = new FeedbackLog();
    log.click(log.shown('q', ['a', 'b']), 1);
    const { stored, events } = await log.status();
    const types = (await log.export()).trim().split('\\n').map((line) => JSON.parse(line).type);
    process.stdout.write([Object.keys(others), stored, events, types].join('|'));
  `);
  assert.equal(stderr, '');
  assert.equal(stdout, 'CrossrankError|false|2|shown,click');
});

test('loading in Node rejects with UNSUPPORTED and says where it runs', () => {
  const { stdout, stderr } = node(`
    import { Reranker, CrossrankError } from 'crossrank';
    const error = await Reranker.load().catch((e) => e);
    process.stdout.write([error instanceof CrossrankError, error.code, error.message].join('|'));
  `);
  assert.equal(stderr, '');
  assert.match(stdout, /^true\|UNSUPPORTED\|.*runs in browsers/);
});

test('wrong options and webgpu are refused before anything else, in Node too', async () => {
  const { Reranker } = await import('../../pkg/dist/index.js');
  await assert.rejects(Reranker.load({ mdel: 'x' }), { code: 'OPTION', message: /Did you mean model/ });
  await assert.rejects(Reranker.load({ model: 'ftp://x/' }), { code: 'OPTION' });
  await assert.rejects(Reranker.load({ device: 'webgpu' }), {
    code: 'UNSUPPORTED',
    message: /this place has no WebGPU|runs in browsers/,
  });
  await assert.rejects(Reranker.load({ signal: AbortSignal.abort() }), { code: 'ABORTED' });
  assert.equal(await Reranker.isCached(), false);
  await Reranker.clearCache();
});

test('the built modules hold one worker literal, and no eval or top-level await; one makes a blob', () => {
  const dist = path.join(root, 'pkg/dist');
  const files = readdirSync(dist, { recursive: true }).filter(
    (f) => f.endsWith('.js') && !f.startsWith('wasm'),
  );
  assert.ok(files.length > 15);
  const sources = files.map((f) => readFileSync(path.join(dist, f), 'utf8'));
  const wrapped = files.filter((_, i) => /createObjectURL|new Blob\(/.test(sources[i]));
  assert.deepEqual(wrapped, ['cdn.js'], 'only the CDN entry makes a Blob');
  const all = sources.filter((_, i) => files[i] !== 'cdn.js').join('\n');
  const literal = "new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })";
  assert.equal(all.split(literal).length, 2, 'exactly one literal');
  assert.doesNotMatch(all, /\beval\(|new Function\(/);
  for (const source of sources) assert.doesNotMatch(source, /^(const .*= )?await /m);
});
