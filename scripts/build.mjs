// Builds everything: wasm -> glue -> wasm-opt -> TypeScript -> demo. `node scripts/build.mjs [wasm|library|demo]...`
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { flatten } from './flatten.mjs';
import {
  cargoEnv,
  cargoTarget,
  dist,
  lockedVersion,
  root,
  sha256,
  wasmBindgenRoot,
  wasmTarget,
} from './paths.mjs';
import { run, SetupError, script, step } from './run.mjs';
import { wasmToolchain } from './toolchain.mjs';

const wasmFolder = path.join(dist, 'wasm');

/**
 * The browser binaries. One set of compiled dependencies serves both of the CPU: they differ in features of our own crate.
 * The one of WebGPU has its own, and is optimised for size: its arithmetic is on the GPU.
 */
const binaries = [
  { name: 'crossrank_cpu', features: ['cpu'], opt: ['-O3'] },
  { name: 'crossrank_cpu_relaxed', features: ['cpu', 'relaxed-simd'], opt: ['-O3', '--enable-relaxed-simd'] },
  { name: 'crossrank_webgpu', features: ['webgpu'], opt: ['-Oz'] },
];

// What rustc's wasm32 target and our SIMD code use.
const wasmOptFlags = [
  '--strip-debug',
  '--strip-producers',
  '--enable-simd',
  '--enable-bulk-memory',
  '--enable-nontrapping-float-to-int',
  '--enable-sign-ext',
  '--enable-mutable-globals',
  '--enable-reference-types',
  '--enable-multivalue',
  // A function that is called from one place is not put into it, unless it is small. A browser compiles whole functions: at
  // their first call, and again, at length, when a loop in them has run often.
  '--one-caller-inline-max-function-size=20',
];

export function build(parts = ['wasm', 'library', 'demo']) {
  if (parts.includes('wasm')) buildWasm();
  if (parts.includes('library')) buildLibrary();
  if (parts.includes('demo')) buildDemo();
}

/** For commands that need the wasm binaries but do not take the time to build them. */
export function wasmMustBeBuilt() {
  if (!existsSync(wasmFolder))
    throw new SetupError('nothing is built; run "npm run setup" and "npm run build"');
}

function buildWasm() {
  const toolchain = wasmToolchain();
  if (!toolchain) throw new SetupError('the wasm32 standard library is missing; run "npm run setup"');
  for (const binary of binaries) {
    step(`wasm binary ${binary.name} (${toolchain.name} toolchain)`);
    const kept = optimised(binary, compile(toolchain, binary));
    mkdirSync(wasmFolder, { recursive: true });
    for (const name of outputs(binary)) {
      const [from, to] = [path.join(kept, name), path.join(wasmFolder, name)];
      if (!existsSync(to) || !readFileSync(from).equals(readFileSync(to))) copyFileSync(from, to);
    }
    const bytes = readFileSync(path.join(wasmFolder, `${binary.name}_bg.wasm`));
    const [gzip, brotli] = [gzipSync(bytes, { level: 9 }).length, brotliCompressSync(bytes).length];
    console.log(`${binary.name}_bg.wasm: ${bytes.length} bytes, ${gzip} gzip, ${brotli} brotli`);
  }
}

const outputs = ({ name }) => [`${name}.js`, `${name}.d.ts`, `${name}_bg.wasm`, `${name}_bg.wasm.d.ts`];

/** Compiles one binary and returns its file. */
function compile(toolchain, { features }) {
  const options = ['--locked', '--lib', '--profile', 'wasm', '--target', wasmTarget, '--no-default-features'];
  const env = { ...cargoEnv(), ...toolchain.env, CARGO_ENCODED_RUSTFLAGS: rustFlags().join('\x1f') };
  run(toolchain.cargo, ['build', ...options, '--features', features.join(','), ...toolchain.args], { env });
  return path.join(cargoTarget, wasmTarget, 'wasm', 'crossrank.wasm');
}

/** What .cargo/config.toml says, and no path of the machine that builds in the panic messages of the binary. */
function rustFlags() {
  const config = readFileSync(path.join(root, '.cargo/config.toml'), 'utf8');
  const flags = JSON.parse(config.match(/^rustflags = (\[.*\])$/m)[1]);
  const cargoHome = process.env.CARGO_HOME || path.join(os.homedir(), '.cargo');
  return [...flags, `--remap-path-prefix=${cargoHome}=cargo`];
}

/** Glue and optimised binary, made once for each input, whichever checkout asks for it. Returns their folder. */
function optimised({ name, opt }, compiled) {
  const flags = [...opt, ...wasmOptFlags];
  const versions = [lockedVersion('wasm-bindgen'), readFileSync(path.join(root, 'package-lock.json'))];
  const fingerprint = sha256(
    Buffer.concat([readFileSync(compiled), ...[name, ...flags, ...versions].map(Buffer.from)]),
  );
  const kept = path.join(cargoTarget, 'wasm-opt', fingerprint);
  if (existsSync(path.join(kept, 'done'))) return kept;
  rmSync(kept, { recursive: true, force: true });
  mkdirSync(kept, { recursive: true });
  const bindgen = path.join(wasmBindgenRoot(), 'bin/wasm-bindgen');
  const strip = ['--remove-name-section', '--remove-producers-section'];
  run(bindgen, [compiled, '--target', 'web', '--out-dir', kept, '--out-name', name, ...strip]);
  const file = path.join(kept, `${name}_bg.wasm`);
  run(path.join(root, 'node_modules/.bin/wasm-opt'), [...flags, file, '-o', file]);
  writeFileSync(path.join(kept, 'done'), '');
  return kept;
}

function buildLibrary() {
  step('TypeScript library');
  writeModelPackage();
  // All of it is packed, so nothing of an earlier build may stay. wasm/ is the other part's.
  for (const name of existsSync(dist) ? readdirSync(dist) : []) {
    if (name !== 'wasm') rmSync(path.join(dist, name), { recursive: true });
  }
  run(path.join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.json']);
  for (const entry of ['index', 'cdn', 'worker', 'feedback/index']) flatten(path.join(dist, `${entry}.js`));
}

/**
 * The module of the model package: its manifest inline, and one literal `new URL` for each file, the form that bundlers
 * recognise and that needs no bundler either. And what our own modules must know of that package.
 */
function writeModelPackage() {
  const { name, version } = JSON.parse(readFileSync(path.join(root, 'model/package.json'), 'utf8'));
  const manifest = JSON.parse(readFileSync(path.join(root, 'model/manifest.json'), 'utf8'));
  const files = [manifest.config, manifest.tokenizer, ...manifest.weights.shards].map((file) => file.path);
  const head = '// Generated by scripts/build.mjs.';
  writeChanged('model/index.js', [
    `${head} The manifest of the model, and the URL of each of its files.`,
    `export const manifest = ${JSON.stringify(manifest)};`,
    '',
    'export const urls = {',
    ...files.map((file) => `  '${file}': new URL('./${file}', import.meta.url).href,`),
    '};',
  ]);
  writeChanged('model/index.d.ts', [
    `${head}`,
    '/** manifest.json of the model: its files, their sizes and hashes. */',
    'export declare const manifest: unknown;',
    '/** The URL of each file that the manifest names. */',
    'export declare const urls: Readonly<Record<string, string>>;',
  ]);
  writeChanged('www/generated/model-package.ts', [
    head,
    `export const MODEL_PACKAGE = { name: '${name}', version: '${version}' } as const;`,
  ]);
}

function writeChanged(name, lines) {
  const [file, text] = [path.join(root, name), `${lines.join('\n')}\n`];
  mkdirSync(path.dirname(file), { recursive: true });
  if (!existsSync(file) || readFileSync(file, 'utf8') !== text) writeFileSync(file, text);
}

function buildDemo() {
  step('demo page');
  run(path.join(root, 'node_modules/.bin/tsc'), ['-p', 'www/demo/tsconfig.json']);
  run(path.join(root, 'node_modules/.bin/webpack'), ['--config', 'webpack.config.js']);
  run('node', ['scripts/demo-chunks/main.mjs', '--out', 'pkg/demo/chunks.json.gz']);
  const bytes = statSync(path.join(root, 'pkg/demo/chunks.json.gz')).size;
  console.log(`demo chunks: ${bytes} bytes gzip`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const parts = process.argv.slice(2);
  await script(() => build(parts.length ? parts : undefined));
}
