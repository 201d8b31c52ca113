// Manifests and model sources: what is accepted, and what can never leave the folder.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { importDefaultModel, neighbourUrl } from '../../pkg/dist/assets/default-model.js';
import { inlineBytes, isInline } from '../../pkg/dist/assets/inline.js';
import { parseManifest } from '../../pkg/dist/assets/manifest.js';
import { ProgressMeter } from '../../pkg/dist/assets/progress.js';
import { bundledSource, resolveSource } from '../../pkg/dist/assets/source.js';
import { fakeFolder } from '../support/models.mjs';
import { root } from '../support/server.mjs';

const { version } = JSON.parse(readFileSync(path.join(root, 'model/package.json'), 'utf8'));

const good = JSON.parse(fakeFolder('/')['/manifest.json']);
const changed = (change) => {
  const copy = structuredClone(good);
  change(copy);
  return copy;
};

test('a good manifest is accepted, with keys of later versions left out', () => {
  assert.deepEqual(parseManifest(good, 'x'), good);
  assert.deepEqual(parseManifest({ ...good, extra: 1 }, 'x'), good);
});

const hostile = {
  'another version': (m) => (m.version = 2),
  'no config': (m) => delete m.config,
  'config is an array': (m) => (m.config = []),
  'a path that climbs': (m) => (m.weights.shards[0].path = '../model-000.bin'),
  'a path with a folder': (m) => (m.config.path = 'a/config.json'),
  'a path with a backslash': (m) => (m.config.path = 'a\\config.json'),
  'a path that is a URL': (m) => (m.config.path = 'https://example.com'),
  'a path that is script': (m) => (m.config.path = 'javascript:alert(1)'),
  'a path that is hidden': (m) => (m.config.path = '.config'),
  'an empty path': (m) => (m.config.path = ''),
  'a path with a line end': (m) => (m.config.path = 'config.json\n'),
  'a path listed twice': (m) => (m.weights.shards[1].path = m.weights.shards[0].path),
  'no bytes': (m) => (m.config.bytes = 0),
  'negative bytes': (m) => (m.weights.shards[0].bytes = -1),
  'bytes as text': (m) => (m.config.bytes = '2'),
  'a huge config': (m) => (m.config.bytes = 2 ** 20 + 1),
  'a huge tokenizer': (m) => (m.tokenizer.bytes = 2 ** 25 + 1),
  'a huge shard': (m) => (m.weights.shards[0].bytes = 2 ** 24 + 1),
  'a sum that is wrong': (m) => (m.weights.bytes += 1),
  'huge weights': (m) => (m.weights.bytes = 2 ** 31 + 1),
  'no shards': (m) => (m.weights.shards = []),
  'too many shards': (m) => (m.weights.shards = Array(513).fill(m.weights.shards[0])),
  'shards as an object': (m) => (m.weights.shards = { length: 1 }),
  'a short hash': (m) => (m.config.sha256 = 'abc'),
  'a hash in capitals': (m) => (m.config.sha256 = m.config.sha256.toUpperCase()),
  'no id': (m) => (m.id = ''),
};

for (const [name, change] of Object.entries(hostile)) {
  test(`manifest: ${name} is MODEL_INVALID and names the manifest`, () => {
    const error = { code: 'MODEL_INVALID', message: /https:\/\/host\/manifest\.json/ };
    assert.throws(() => parseManifest(changed(change), 'https://host/manifest.json'), error);
  });
}

test('manifest: anything else is MODEL_INVALID, never another error', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.throws(() => parseManifest(value, 'x'), { code: 'MODEL_INVALID' });
    }),
    { numRuns: 1000 },
  );
});

test('source: folders, with or without a slash, relative or absolute', () => {
  const base = 'https://host/app/page.html';
  const url = (model) => resolveSource(model, base).url('config.json');
  assert.equal(url('models/x'), 'https://host/app/models/x/config.json');
  assert.equal(url('/models/x/'), 'https://host/models/x/config.json');
  assert.equal(url(new URL('https://cdn/m')), 'https://cdn/m/config.json');
  assert.equal(resolveSource('/models/my%20model/', base).fallbackId, 'my model');
});

test('source: the hub', () => {
  const source = resolveSource('hf:org/na-me.v2@refs/pr/1');
  assert.equal(
    source.url('config.json'),
    'https://huggingface.co/org/na-me.v2/resolve/refs%2Fpr%2F1/config.json',
  );
  assert.equal(source.fallbackId, 'org/na-me.v2');
  assert.match(resolveSource('hf:org/name').url('x'), /\/resolve\/main\/x$/);
});

test('source: the default model has a URL for each file of its manifest', async () => {
  const source = bundledSource(await importDefaultModel(), undefined);
  const { config, tokenizer, weights } = source.manifest;
  for (const { path } of [config, tokenizer, ...weights.shards])
    assert.match(source.url(path), new RegExp(`/model/${path}$`));
  assert.throws(() => source.url('__proto__'), { code: 'MODEL_INVALID' });
  assert.throws(() => bundledSource({ manifest: {}, urls: {} }, undefined), { code: 'MODEL_INVALID' });
  const relative = {
    manifest: source.manifest,
    urls: { 'config.json': '/_next/static/media/config.1a2b.json' },
  };
  const inNext = bundledSource(relative, 'https://host/docs/page/');
  assert.equal(inNext.url('config.json'), 'https://host/_next/static/media/config.1a2b.json');
  assert.throws(() => bundledSource(relative, undefined).url('config.json'), { code: 'MODEL_INVALID' });
});

test('source: the model package beside an un-bundled one, with its version where the folder has one', () => {
  const cases = {
    'https://host/node_modules/crossrank/pkg/dist/worker.js':
      'https://host/node_modules/crossrank-model-code/index.js',
    'https://host/sub/vendor/pkg/dist/worker.js': 'https://host/sub/crossrank-model-code/index.js',
    'https://host/pkg/dist/worker.js': 'https://host/crossrank-model-code/index.js',
    'https://cdn/npm/crossrank@0.1.0/pkg/dist/worker.js': `https://cdn/npm/crossrank-model-code@${version}/index.js`,
    'https://host/assets/worker.1a2b.js': undefined,
    'https://host/assets/worker.js': undefined,
    'https://host/x?/pkg/dist/worker.js': undefined,
    'https://host/node_modules/crossrank/pkg/dist/worker.js?worker_file': undefined,
  };
  for (const [worker, expected] of Object.entries(cases))
    assert.equal(neighbourUrl(worker), expected, worker);
  assert.equal(neighbourUrl(undefined), undefined);
});

test('inline files: base64 and percent-encoded data URLs; nothing for what cannot be decoded', () => {
  const text = (url) => new TextDecoder().decode(inlineBytes(url));
  assert.ok(isInline('data:,x') && !isInline('https://host/data:,x'));
  assert.equal(text('data:application/json;base64,eyJhIjoiw6kifQ=='), '{"a":"é"}');
  assert.equal(text('data:application/json;base64,eyJhIjoiw6kifQ%3D%3D'), '{"a":"é"}');
  assert.equal(text('data:application/json,%7B%22a%22%3A%22%C3%A9%22%7D'), '{"a":"é"}');
  for (const broken of ['data:application/json;base64,=', 'data:,%', 'data:;base64,é'])
    assert.equal(inlineBytes(broken).length, 0, broken);
});

test('source: what is no folder is OPTION', () => {
  for (const model of [
    'hf:name',
    'hf:a/b/c',
    'hf:org/../x',
    'hf:org/name@',
    'hf:org/name@a..b',
    'hf:org/name@a//b',
    'hf:org/name?x',
    'hf://org/name',
    'ftp://host/m',
    'javascript:alert(1)',
    'data:text/plain,x',
    'blob:https://host/1',
    'file:///etc',
    'https://host/m?token=1',
    'https://host/m#part',
    'http://[',
  ]) {
    assert.throws(() => resolveSource(model, 'https://host/'), { code: 'OPTION' }, model);
  }
  assert.throws(() => resolveSource('relative/without/base', undefined), { code: 'OPTION' });
});

test('progress: monotone for every order of events, whatever the server said about lengths', () => {
  const step = fc.record({
    kind: fc.constantFrom('expect', 'downloaded', 'cached', 'verified', 'compiled'),
    bytes: fc.integer({ min: 0, max: 1_000_000 }),
    unknown: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const events = [];
      const meter = new ProgressMeter((event) => events.push(event));
      for (const { kind, bytes, unknown } of steps) meter[kind](kind === 'expect' && unknown ? null : bytes);
      meter.warmUp();
      meter.done();
      for (const [i, event] of events.entries()) {
        const before = events[i - 1];
        assert.ok(event.progress >= 0 && event.progress <= 1);
        assert.ok(event.total === null || event.loaded <= event.total);
        if (before === undefined) continue;
        assert.ok(event.progress >= before.progress);
        if (before.phase === event.phase) assert.ok(event.loaded >= before.loaded);
      }
      assert.equal(events.at(-1).progress, 1);
      assert.ok(events.slice(0, -1).every(({ progress }) => progress < 1));
    }),
    { numRuns: 2000 },
  );
});
