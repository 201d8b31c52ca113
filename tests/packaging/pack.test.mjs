// What is in the two tarballs that `npm pack` makes: all that package.json promises, and nothing else.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { pack } from './tarballs.mjs';

const MIB = 1 << 20;

let folder;
let packed;

before(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'crossrank-pack-'));
  packed = pack(folder);
  for (const [name, { file }] of Object.entries(packed)) {
    execFileSync('tar', ['-xzf', file, '--one-top-level', '--strip-components=1'], { cwd: folder });
    packed[name].unpacked = file.replace(/\.tgz$/, '');
  }
});

after(() => rmSync(folder, { recursive: true, force: true }));

const read = (name, file) => readFileSync(path.join(packed[name].unpacked, file), 'utf8');
const packageJson = (name) => JSON.parse(read(name, 'package.json'));

test('every entry of the exports maps is packed', () => {
  for (const name of Object.keys(packed)) {
    for (const target of Object.values(packageJson(name).exports)) {
      for (const file of typeof target === 'string' ? [target] : Object.values(target)) {
        const pattern = new RegExp(`^${file.slice(2).replace(/[.+]/g, '\\$&').replace('*', '.+')}$`);
        assert.ok(
          packed[name].files.some((packedFile) => pattern.test(packedFile)),
          `${name}: ${file}`,
        );
      }
    }
  }
});

test('crossrank: the built modules with types and source maps, the licences, and nothing else', () => {
  const { files } = packed.crossrank;
  const top = [...new Set(files.map((file) => file.split('/')[0]))].sort();
  const licences = ['LICENSE-APACHE', 'LICENSE-MIT', 'THIRD-PARTY.md'];
  assert.deepEqual(top, ['CHANGELOG.md', ...licences, 'README.md', 'docs', 'package.json', 'pkg'].sort());
  assert.deepEqual(
    files.filter((file) => file.startsWith('docs/')),
    ['docs/errors.md'],
  );
  const modules = files.filter((file) => file.startsWith('pkg/') && !file.startsWith('pkg/dist/wasm/'));
  for (const file of modules) assert.match(file, /^pkg\/dist\/([\w-]+\/)?[\w-]+\.(js|js\.map|d\.ts)$/);
  const scripts = modules.filter((file) => file.endsWith('.js'));
  assert.ok(scripts.length > 30, 'un-bundled');
  for (const script of scripts) {
    assert.ok(files.includes(script.replace(/js$/, 'd.ts')), `types of ${script}`);
    const map = JSON.parse(read('crossrank', `${script}.map`));
    assert.ok(map.sourcesContent?.[0]?.length > 0, `the map of ${script} holds its source`);
    assert.ok(!path.isAbsolute(map.sources[0]), map.sources[0]);
  }
  const binaries = files.filter((file) => file.endsWith('_bg.wasm'));
  assert.ok(binaries.length >= 2);
  for (const binary of binaries)
    for (const ending of ['.js', '.d.ts'])
      assert.ok(files.includes(binary.replace('_bg.wasm', ending)), binary);
});

test('no dependency at run time; the model package is an optional peer of a version that exists', () => {
  for (const name of Object.keys(packed)) {
    const { dependencies, optionalDependencies, bundleDependencies } = packageJson(name);
    assert.deepEqual(
      [dependencies, optionalDependencies, bundleDependencies],
      [undefined, undefined, undefined],
    );
  }
  const { peerDependencies, peerDependenciesMeta } = packageJson('crossrank');
  assert.deepEqual(Object.keys(peerDependencies), ['crossrank-model-code']);
  assert.equal(peerDependenciesMeta['crossrank-model-code'].optional, true);
  const [major] = packageJson('crossrank-model-code').version.split('.');
  assert.equal(peerDependencies['crossrank-model-code'], `^${major}.0.0`);
});

test('crossrank-model-code: the files of the manifest, none above 4 MiB, with licence and notices', () => {
  const { files, unpacked } = packed['crossrank-model-code'];
  const { config, tokenizer, weights } = JSON.parse(read('crossrank-model-code', 'manifest.json'));
  const listed = [config, tokenizer, ...weights.shards].map((file) => file.path);
  const others = [
    'LICENSE',
    'NOTICE',
    'README.md',
    'index.d.ts',
    'index.js',
    'manifest.json',
    'package.json',
  ];
  assert.deepEqual([...files].sort(), [...others, ...listed].sort());
  for (const name of readdirSync(unpacked))
    assert.ok(statSync(path.join(unpacked, name)).size <= 4 * MIB, name);
  assert.match(read('crossrank-model-code', 'LICENSE'), /Apache License\s+Version 2\.0/);
  assert.match(read('crossrank-model-code', 'NOTICE'), /all-MiniLM-L6-v2[\s\S]*Microsoft/);
});

test('the declarations name no type of WebGPU: older versions of TypeScript have none', () => {
  const declarations = packed.crossrank.files.filter((file) => file.endsWith('.d.ts'));
  assert.ok(declarations.length > 20);
  for (const file of declarations) {
    const code = read('crossrank', file).replace(/\/\*[\s\S]*?\*\/|\/\/.*|'[^']*'/g, '');
    assert.doesNotMatch(code, /[:<|&]\s*GPU\w*/, file);
  }
});

test('where files lie is said by literals of one level, the form that bundlers see through', () => {
  const literal = (file) => `new URL('./${file}', import.meta.url)`;
  const model = read('crossrank-model-code', 'index.js');
  const shards = packed['crossrank-model-code'].files.filter((file) => file.endsWith('.bin'));
  for (const file of ['config.json', 'tokenizer.json', ...shards])
    assert.equal(model.split(literal(file)).length, 2, file);
  assert.ok(read('crossrank', 'pkg/dist/spawn.js').includes(`new Worker(${literal('worker.js')}, {`));
  const glue = read('crossrank', 'pkg/dist/glue.js');
  for (const name of packed.crossrank.files.filter((file) => file.endsWith('_bg.wasm')))
    assert.ok(glue.includes(literal(`wasm/${path.basename(name)}`)), name);
  assert.ok(read('crossrank', 'pkg/dist/assets/default-model.js').includes("import('crossrank-model-code')"));
});
