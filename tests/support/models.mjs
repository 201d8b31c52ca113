// Model folders for the test server, made from the tiny fixture: the Hugging Face form, the project form, and one for
// the fake engine.
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crossrank } from './native.mjs';
import { cut, join, parse, quantized } from './safetensors.mjs';
import { root } from './server.mjs';

const tiny = (name) => readFileSync(path.join(root, 'tests/fixtures/tiny', name));
export const golden = (model) =>
  JSON.parse(readFileSync(path.join(root, `tests/fixtures/${model}/golden.json`), 'utf8')).pairs;

/** URL path -> bytes of a Hugging Face folder. */
export function hubFolder(prefix = '/hub/') {
  const names = ['config.json', 'tokenizer.json', 'model.safetensors'];
  return Object.fromEntries(names.map((name) => [prefix + name, tiny(name)]));
}

/** The tiny model in int8, so that all devices compute with the same weights. */
export const tinyInt8Folder = (prefix = '/tiny8/') => ({
  [`${prefix}config.json`]: tiny('config.json'),
  [`${prefix}tokenizer.json`]: tiny('tokenizer.json'),
  [`${prefix}model.safetensors`]: join(quantized(parse(tiny('model.safetensors')))),
});

/** The tiny model as `crossrank quantize --words int4` makes it. */
export function tinyInt4Folder(prefix = '/tiny4/') {
  const folder = mkdtempSync(path.join(tmpdir(), 'crossrank-tiny4-'));
  try {
    crossrank('quantize', 'tests/fixtures/tiny', folder, '--words', 'int4', '--shard-bytes', '40000');
    return Object.fromEntries(
      readdirSync(folder).map((name) => [prefix + name, readFileSync(path.join(folder, name))]),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The first `layers` layers of the default model. What a cut model says means nothing, and its scores lie close together:
 * the classifier spreads them to the range of a whole one's.
 */
export function defaultLayers(layers, prefix = '/layers/', spread = 1) {
  const file = (name) => readFileSync(path.join(root, 'model', name));
  const { weights } = JSON.parse(file('manifest.json'));
  const all = parse(Buffer.concat(weights.shards.map(({ path: name }) => file(name))));
  const classifier = all.get('classifier.weight');
  const weights32 = new Float32Array(Uint8Array.from(classifier.bytes).buffer).map(
    (weight) => weight * spread,
  );
  all.set('classifier.weight', { ...classifier, bytes: Buffer.from(weights32.buffer) });
  const config = { ...JSON.parse(file('config.json')), num_hidden_layers: layers };
  return {
    [`${prefix}config.json`]: Buffer.from(JSON.stringify(config)),
    [`${prefix}tokenizer.json`]: file('tokenizer.json'),
    [`${prefix}model.safetensors`]: join(cut(all, layers)),
  };
}

/** URL path -> bytes of a folder with a manifest and shards of `shardBytes`. */
export function projectFolder(
  prefix = '/project/',
  shardBytes = 100_000,
  weights = tiny('model.safetensors'),
  id = 'tiny-test',
) {
  return folder(prefix, id, tiny('config.json'), tiny('tokenizer.json'), weights, shardBytes);
}

/** A folder that only the fake engine can read. `config` may hold "trap" or "invalid". */
export function fakeFolder(prefix = '/fake/', config = '{}', id = 'fake', weights = Buffer.alloc(5000, 7)) {
  return folder(prefix, id, Buffer.from(config), Buffer.from('{}'), weights, 1000);
}

/** Version `n` of the fake model: `n` is added to each score, and no file but the tokenizer is that of another version. */
export function fakeVersion(n, prefix = '/fake/') {
  return fakeFolder(prefix, JSON.stringify({ add: n }), `version-${n}`, Buffer.alloc(5000, `${n}, `));
}

const binaries = ['crossrank_cpu', 'crossrank_cpu_relaxed', 'crossrank_webgpu'];
const fakeOf = (name) => (name === 'crossrank_webgpu' ? 'fake-webgpu.js' : 'fake-wasm.js');

/** The fake engine in the place of the real one. */
export const fakeEngine = {
  aliases: Object.fromEntries(
    binaries.map((name) => [`/pkg/dist/wasm/${name}.js`, `tests/support/${fakeOf(name)}`]),
  ),
  files: Object.fromEntries(
    binaries.map((name) => [`/pkg/dist/wasm/${name}_bg.wasm`, Buffer.from([0, 97, 115, 109, 1, 0, 0, 0])]),
  ),
};

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

function folder(prefix, id, config, tokenizer, weights, shardBytes) {
  const files = { 'config.json': config, 'tokenizer.json': tokenizer };
  const entry = (name) => ({ path: name, bytes: files[name].length, sha256: sha256(files[name]) });
  const shards = [];
  for (let at = 0; at < weights.length; at += shardBytes) {
    const name = `model-${String(shards.length).padStart(3, '0')}.bin`;
    files[name] = weights.subarray(at, at + shardBytes);
    shards.push(entry(name));
  }
  const manifest = {
    format: 'crossrank-model',
    version: 1,
    id,
    license: 'MIT OR Apache-2.0',
    dtype: 'float32',
    architecture: 'bert',
    config: entry('config.json'),
    tokenizer: entry('tokenizer.json'),
    weights: { bytes: weights.length, sha256: sha256(weights), shards },
  };
  files['manifest.json'] = Buffer.from(JSON.stringify(manifest));
  return Object.fromEntries(Object.entries(files).map(([name, bytes]) => [prefix + name, bytes]));
}
