// The package as `npm pack` makes it, unpacked into an empty folder and served by a plain static server: no bundler, no
// part of the checkout. Its own default model ranks.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { chromiumArgs, findChromium } from '../../scripts/chromium.mjs';
import { root } from '../../scripts/paths.mjs';
import { serve } from '../../scripts/serve.mjs';

let folder;
let unpacked;

before(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'crossrank-pack-'));
  execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
    stdio: 'pipe',
  });
  const [tarball] = readdirSync(folder);
  execFileSync('tar', ['-xzf', tarball], { cwd: folder });
  unpacked = path.join(folder, 'package');
});

after(() => rmSync(folder, { recursive: true, force: true }));

const packageJson = () => JSON.parse(readFileSync(path.join(unpacked, 'package.json'), 'utf8'));

test('every entry of the exports map is in the package, and nothing else is packed', () => {
  for (const target of Object.values(packageJson().exports)) {
    for (const file of typeof target === 'string' ? [target] : Object.values(target)) {
      const found = file.includes('*')
        ? readdirSync(path.join(unpacked, path.dirname(file))).length > 0
        : existsSync(path.join(unpacked, file));
      assert.ok(found, file);
    }
  }
  const top = readdirSync(unpacked).sort();
  const licences = ['LICENSE-APACHE', 'LICENSE-MIT', 'THIRD-PARTY.md'];
  assert.deepEqual(
    top,
    ['CHANGELOG.md', ...licences, 'README.md', 'docs', 'model', 'package.json', 'pkg'].sort(),
  );
  assert.deepEqual(readdirSync(path.join(unpacked, 'pkg')), ['dist']);
  assert.equal(packageJson().dependencies, undefined);
});

test('every wasm binary of the package comes with its glue', () => {
  const names = readdirSync(path.join(unpacked, 'pkg/dist/wasm'));
  const binaries = names.filter((name) => name.endsWith('_bg.wasm'));
  assert.ok(binaries.length >= 2);
  for (const binary of binaries) assert.ok(names.includes(binary.replace('_bg.wasm', '.js')), binary);
});

test('it ranks from a static server without a bundler', { timeout: 180_000 }, async (t) => {
  const imports = JSON.stringify({ imports: { crossrank: `./pkg/dist/index.js` } });
  const script = `import { Reranker } from 'crossrank';
    const reranker = await Reranker.load();
    const documents = ['def add(a, b): return a + b', '## Retries\\n\\nSet maxRetries to 0 to turn retries off.'];
    globalThis.ranked = await reranker.rank('how do I switch retries off', documents);
    await reranker.dispose();`;
  const page = `<!doctype html><title>pack</title><script type="importmap">${imports}</script>
    <script type="module" src="app.js"></script>`;
  writeFileSync(path.join(unpacked, 'index.html'), page);
  writeFileSync(path.join(unpacked, 'app.js'), script);

  const { url, server } = await serve(unpacked, 8200);
  const browser = await chromium.launch({ executablePath: findChromium(), args: chromiumArgs });
  t.after(async () => {
    await browser.close();
    server.close();
  });
  const tab = await browser.newPage();
  const failures = [];
  tab.on('pageerror', (error) => failures.push(String(error)));
  await tab.goto(url);
  await tab.waitForFunction(() => globalThis.ranked, undefined, { timeout: 120_000 }).catch(() => {});
  assert.deepEqual(failures, []);
  const ranked = await tab.evaluate(() => globalThis.ranked);
  assert.deepEqual(
    ranked.map(({ index }) => index),
    [1, 0],
  );
});
