// Real little projects that use the packages as people do: installed from the tarballs, built, opened in Chromium and
// required to rank with the default model. `npm test` runs those marked `quick`, which need nothing from the network;
// `npm run test:packaging` runs all.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { serveMounts } from '../../scripts/mounts.mjs';
import { root, sha256 } from '../../scripts/paths.mjs';
import { STRICT_CSP } from '../support/server.mjs';
import { test } from '../support/test.mjs';
import { launch, visit } from './page.mjs';
import { filesOf, makeProject } from './project.mjs';
import { pack } from './tarballs.mjs';

const all = process.env.CROSSRANK_PACKAGING === 'all';
const row = (name, options, work) => {
  if (all || options.quick) test(name, { timeout: 900_000 }, work);
};

const VITE_8 = { vite: '8.3.8' };
const VITE_7 = { vite: '7.3.8' };
const RSPACK = { '@rspack/core': '2.3.2', '@rspack/cli': '2.2.8' };
const NEXT = { next: '16.4.6', react: '19.3.1', 'react-dom': '19.3.1' };
const ROLLUP = { rollup: '4.68.7', '@rollup/plugin-node-resolve': '16.0.3' };
const TYPESCRIPT = { typescript: '7.0.2' };
const CHECKERS = { publint: '0.3.25', '@arethetypeswrong/cli': '0.18.5' };
const ESBUILD = { esbuild: '0.28.2' };

/** With Vite, the policy shows that the inlined config.json is not fetched. */
const csp = { 'content-security-policy': STRICT_CSP };

let browser;
let folder;
let packed;

before(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'crossrank-packaging-'));
  packed = pack(folder);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

function project(t, source, { tools, without } = {}) {
  const tarballs = Object.entries(packed).filter(([name]) => name !== without);
  const made = makeProject({ source, tools, tarballs: tarballs.map(([, { file }]) => file) });
  t.after(made.close);
  return made;
}

async function host(t, mounts, headers) {
  const server = await serveMounts(mounts, headers);
  t.after(server.close);
  return server;
}

/** The page ranks with the default model, and asks for each file once, for one wasm binary, and for nothing else's. */
async function ranks(url, origins = [new URL(url).origin]) {
  const seen = await visit(browser, url);
  assert.deepEqual(seen.failures, [], JSON.stringify(seen.outcome));
  assert.deepEqual(seen.outcome, { order: [1, 0], model: 'crossrank-code-v1' });
  for (const request of seen.requests.filter((request) => !/^(data|blob):/.test(request)))
    assert.ok(origins.includes(new URL(request).origin), `${request} is of another host`);
  const named = (pattern) => seen.requests.filter((request) => pattern.test(request));
  assert.equal(named(/\.wasm(\?|$)/).length, 1, 'one wasm binary');
  assert.equal(named(/\.bin(\?|$)/).length, 6, 'six shards');
  return seen;
}

/** Built files: the model and both wasm binaries are among them, whatever they are called, and no path of this machine. */
function emitted(built, { inline = [] } = {}) {
  const bytes = filesOf(built).map((file) => ({ file, bytes: readFileSync(path.join(built, file)) }));
  const hashes = bytes.map((entry) => sha256(entry.bytes));
  const sources = { 'pkg/dist/wasm': /_bg\.wasm$/, model: /^(model-\d+\.bin|config\.json|tokenizer\.json)$/ };
  for (const [place, names] of Object.entries(sources)) {
    for (const name of readdirSync(path.join(root, place)).filter((name) => names.test(name))) {
      const times = hashes.filter(
        (hash) => hash === sha256(readFileSync(path.join(root, place, name))),
      ).length;
      assert.equal(times, inline.includes(name) ? 0 : 1, `${name} among the built files`);
    }
  }
  for (const { file, bytes: content } of bytes.filter(({ file }) => /\.m?js$/.test(file)))
    assert.doesNotMatch(content.toString(), /packaging\/run-|file:\/\//, file);
}

row('no bundler: a module script and an import map of one name', { quick: true }, async (t) => {
  const { folder } = project(t, 'esm');
  const { origin, missing } = await host(t, { '/': folder });
  await ranks(`${origin}/`);
  assert.deepEqual(
    missing.filter((url) => url !== '/favicon.ico'),
    [],
  );
});

row('no bundler, in a folder of the site', {}, async (t) => {
  const { folder } = project(t, 'esm');
  const { origin } = await host(t, { '/docs/app/': folder });
  const { requests } = await ranks(`${origin}/docs/app/`);
  for (const url of requests) assert.match(url, /\/docs\/app\/|favicon/);
});

row('a strict Content-Security-Policy as header on every file, no import map', {}, async (t) => {
  const { folder } = project(t, 'csp');
  const { origin } = await host(t, { '/': folder }, { 'content-security-policy': STRICT_CSP });
  const { violations } = await ranks(`${origin}/`);
  assert.deepEqual(violations, []);
});

row('a CDN on another origin, through ./cdn, under the documented policy', {}, async (t) => {
  const { folder } = project(t, 'cdn');
  const version = (name) =>
    JSON.parse(readFileSync(path.join(folder, 'node_modules', name, 'package.json'), 'utf8')).version;
  const mounts = Object.keys(packed).map((name) => [
    `/npm/${name}@${version(name)}/`,
    path.join(folder, 'node_modules', name),
  ]);
  const cdn = await host(t, Object.fromEntries(mounts), { 'access-control-allow-origin': '*' });
  const site = path.join(folder, 'site');
  for (const name of ['index.html', 'app.js', 'ask.js'])
    cpSync(path.join(folder, name), path.join(site, name));
  const policy =
    `default-src 'none'; script-src 'self' ${cdn.origin} 'wasm-unsafe-eval'; worker-src blob: ${cdn.origin}; ` +
    `connect-src ${cdn.origin}`;
  const app = await host(t, { '/': site }, { 'content-security-policy': policy });
  const entry = `${cdn.origin}/npm/crossrank@${version('crossrank')}/pkg/dist/cdn.js`;
  await ranks(`${app.origin}/?cdn=${encodeURIComponent(entry)}`, [app.origin, cdn.origin]);
  assert.ok(
    cdn.log.some(({ url }) => url.includes('/crossrank-model-code@')),
    'the model with its version',
  );
});

row('webpack 5, without configuration', { quick: true }, async (t) => {
  const { folder, run } = project(t, 'webpack');
  const said = await run('node', path.join(root, 'node_modules/webpack-cli/bin/cli.js'));
  assert.doesNotMatch(said, /warning|error/i);
  emitted(path.join(folder, 'dist'));
  const { origin } = await host(t, { '/some/sub-path/': onlyBuilt(folder) });
  await ranks(`${origin}/some/sub-path/`);
});

row('Rspack 2, without configuration', {}, async (t) => {
  const { folder, run } = project(t, 'webpack', { tools: RSPACK });
  await run('rspack', 'build', '--config', 'webpack.config.js');
  emitted(path.join(folder, 'dist'));
  const { origin } = await host(t, { '/some/sub-path/': onlyBuilt(folder) });
  await ranks(`${origin}/some/sub-path/`);
});

row('Vite 8, build without configuration', {}, async (t) => await viteBuild(t, VITE_8, false));

row("pnpm's folders, where only declared packages are seen; Vite 8", {}, async (t) => {
  const { folder, run } = project(t, 'vite', { tools: { ...VITE_8, pnpm: '12.21.0' } });
  const app = path.join(folder, 'app');
  for (const name of ['index.html', 'src', 'ask.js'])
    cpSync(path.join(folder, name), path.join(app, name), { recursive: true });
  rmSync(path.join(folder, 'node_modules/crossrank'), { recursive: true });
  rmSync(path.join(folder, 'node_modules/crossrank-model-code'), { recursive: true });
  writeFileSync(path.join(app, 'package.json'), '{ "private": true, "type": "module" }');
  const tarballs = Object.values(packed).map(({ file }) => file);
  await run('pnpm', '--dir', 'app', 'add', '--ignore-workspace', ...tarballs);
  await run('vite', 'build', 'app');
  const { origin } = await host(t, { '/': path.join(app, 'dist') });
  await ranks(`${origin}/`);
});

row('Vite 7, build with the documented configuration', {}, async (t) => await viteBuild(t, VITE_7, true));

row('Vite 8, dev server without configuration', {}, async (t) => {
  const { folder } = project(t, 'vite', { tools: VITE_8 });
  rmSync(path.join(folder, 'vite.config.js'));
  await ranks(await devServer(t, folder));
});

row('Vite 7, dev server with the documented configuration', {}, async (t) => {
  const { folder } = project(t, 'vite', { tools: VITE_7 });
  await ranks(await devServer(t, folder));
});

for (const bundler of ['turbopack', 'webpack']) {
  row(`Next 16 with ${bundler}, static export under a base path`, {}, async (t) => {
    const { folder, run } = project(t, 'next', { tools: NEXT });
    await run('next', 'build', `--${bundler}`);
    const { origin } = await host(t, { '/docs/app/': path.join(folder, 'out') });
    await ranks(`${origin}/docs/app/`);
  });
}

row('esbuild by the documented recipe', {}, async (t) => {
  const { folder, run } = project(t, 'esbuild', { tools: ESBUILD });
  await run('node', 'build.mjs');
  const { origin } = await host(t, { '/': onlyBuilt(folder) });
  await ranks(`${origin}/`);
});

row('Rollup by the documented recipe', {}, async (t) => {
  const { folder, run } = project(t, 'rollup', { tools: ROLLUP });
  await run('rollup', '-c');
  const { origin } = await host(t, { '/': onlyBuilt(folder) });
  await ranks(`${origin}/`);
});

async function viteBuild(t, tools, configured) {
  const { folder, run } = project(t, 'vite', { tools });
  if (!configured) rmSync(path.join(folder, 'vite.config.js'));
  await run('vite', 'build', '--base', '/docs/app/');
  // Vite writes files below 4 KiB into the script.
  emitted(path.join(folder, 'dist'), { inline: ['config.json'] });
  const { origin } = await host(t, { '/docs/app/': path.join(folder, 'dist') }, csp);
  await ranks(`${origin}/docs/app/`);
}

/** The page and what was built, without the packages that were installed. */
function onlyBuilt(folder) {
  const site = path.join(folder, 'site');
  for (const name of ['index.html', 'dist'])
    cpSync(path.join(folder, name), path.join(site, name), { recursive: true });
  return site;
}

/** Starts Vite's dev server and gives its URL. */
async function devServer(t, folder) {
  const vite = path.join(folder, 'node_modules/vite/bin/vite.js');
  const server = spawn(process.execPath, [vite, '--host', '127.0.0.1'], { cwd: folder });
  t.after(() => server.kill());
  let said = '';
  return await new Promise((resolve, reject) => {
    const hear = (data) => {
      said += data;
      const found = /http:\/\/127\.0\.0\.1:\d+\//.exec(stripVTControlCharacters(said));
      if (found) resolve(found[0]);
    };
    server.stdout.on('data', hear);
    server.stderr.on('data', hear);
    server.once('exit', () => reject(new Error(`vite ended: ${said}`)));
  });
}

row(
  'without the model package: webpack warns, load says MODEL_MISSING and what to do',
  { quick: true },
  async (t) => {
    const { folder, run } = project(t, 'webpack', { without: 'crossrank-model-code' });
    const said = await run('node', path.join(root, 'node_modules/webpack-cli/bin/cli.js'));
    assert.match(said, /WARNING[\s\S]*crossrank-model-code/);
    const { origin } = await host(t, { '/': onlyBuilt(folder) });
    await misses(`${origin}/`);
  },
);

row('without the model package: Vite builds, load says MODEL_MISSING', {}, async (t) => {
  const { folder, run } = project(t, 'vite', { tools: VITE_8, without: 'crossrank-model-code' });
  rmSync(path.join(folder, 'vite.config.js'));
  await run('vite', 'build');
  const { origin } = await host(t, { '/': path.join(folder, 'dist') });
  await misses(`${origin}/`);
});

row('without the model package: no bundler, load names the URL that it tried', {}, async (t) => {
  const { folder } = project(t, 'esm', { without: 'crossrank-model-code' });
  const { origin } = await host(t, { '/': folder });
  const { message } = await misses(`${origin}/`);
  assert.ok(message.includes(`${origin}/node_modules/crossrank-model-code/index.js`), message);
});

async function misses(url) {
  const { outcome, requests } = await visit(browser, url);
  assert.equal(outcome?.code, 'MODEL_MISSING', JSON.stringify(outcome));
  assert.match(outcome.message, /npm install crossrank-model-code/);
  assert.ok(!requests.some((request) => /\.wasm|\.bin/.test(request)), 'nothing was fetched for it');
  return outcome;
}

row('Node: the installed package is imported, and loading says UNSUPPORTED', { quick: true }, async (t) => {
  const { run } = project(t, 'esm');
  const script = `
    import { Reranker, toCohere } from 'crossrank';
    const { code } = await Reranker.load().catch((error) => error);
    console.log(code, typeof toCohere);`;
  assert.equal(await run('node', '--input-type=module', '-e', script), 'UNSUPPORTED function\n');
  const required = await run(
    'node',
    '--input-type=commonjs',
    '-e',
    "import('crossrank').then((m) => console.log(typeof m.Reranker))",
  );
  assert.equal(required, 'function\n');
});

for (const typescript of [TYPESCRIPT.typescript, '5.7.3']) {
  row(`TypeScript ${typescript}: the types, checked, with both ways to resolve modules`, {}, async (t) => {
    const { run } = project(t, 'types', { tools: { typescript } });
    await run('tsc', '-p', '.', '--module', 'esnext', '--moduleResolution', 'bundler');
    await run('tsc', '-p', '.', '--module', 'nodenext', '--moduleResolution', 'nodenext');
  });
}

// Version 3 of its interface is that of version 6; version 7 takes it, too.
for (const ai of ['7.0.173', '6.0.326']) {
  row(`AI SDK ${ai}: rerank with our model, types and in Chromium`, {}, async (t) => {
    const tools = { ...VITE_8, ...TYPESCRIPT, ai, zod: '4.4.3' };
    const { folder, run } = project(t, 'ai-sdk', { tools });
    await run('tsc', '-p', '.');
    await run('vite', 'build');
    const { origin } = await host(t, { '/': path.join(folder, 'dist') });
    const { outcome, failures } = await visit(browser, `${origin}/`);
    assert.deepEqual(failures, []);
    const { scores, ...rest } = outcome;
    assert.deepEqual(rest, {
      order: [1, 0],
      first: [{ title: 'Retries', text: 'Retries are on by default. Set `maxRetries: 0` to turn them off.' }],
      model: 'crossrank-code-v1',
      aborted: 'AbortError',
    });
    assert.ok(scores[0] > scores[1] && scores[0] < 1 && scores[1] > 0, scores.join());
  });
}

row('publint and are-the-types-wrong have nothing to say', {}, async (t) => {
  const { run } = project(t, 'types', { tools: CHECKERS });
  for (const [name, { file }] of Object.entries(packed)) {
    const said = await run('publint', path.join('node_modules', name), '--strict');
    assert.match(said, /All good!/, said);
    await run('attw', file, '--profile', 'esm-only');
  }
});
