// What the plugin costs a reader who does not search, and what is left when the model cannot be had: the search that
// the site would have without it.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { root } from '../../../scripts/paths.mjs';
import { test } from '../../support/test.mjs';
import { ask, modelState, settledResults, useBrowser, waitForModel } from '../support/browse.mjs';
import { aliasesOf, BASE, buildSite, exampleSite } from '../support/sites.mjs';

const open = useBrowser();
const LONG = { timeout: 900_000 };
const PAGE = `${BASE}docs/hosting`;
const STUB_GZIP_BYTES = 5_000;
const QUERY = 'worker memory';

const builds = new Map();
/** The example with a search, with the plugin or without: built once; in both locales where they are looked at. */
function built(search, crossrank) {
  const name = `costs-${search}-${crossrank}`;
  if (!builds.has(name)) {
    const environment = { SEARCH: search, CROSSRANK: crossrank === 'with' ? '{}' : 'off' };
    const locales = name === 'costs-none-with' ? [] : ['--locale', 'en'];
    builds.set(name, buildSite(exampleSite(name), environment, ...locales).build);
  }
  return builds.get(name);
}

for (const search of ['none', 'easyops', 'lunr']) {
  test(`${search}: before the search is used a page asks for nothing beyond a stub`, LONG, async (t) => {
    const asked = {};
    for (const crossrank of ['with', 'without']) {
      const build = built(search, crossrank);
      const { page, server, goto } = await open(t, build);
      await goto(PAGE);
      await page.waitForLoadState('networkidle');
      await page.waitForTimeout(1000);
      asked[crossrank] = { bytes: gzipBytes(build, server.requests()), requests: server.requests() };
    }
    const { requests } = asked.with;
    assert.deepEqual(
      requests.filter((one) => /\/crossrank\/crossrank\/|\.wasm$/.test(one)),
      [],
    );
    const stub = asked.with.bytes - asked.without.bytes;
    t.diagnostic(`${search}: ${stub} bytes gzip more than without the plugin`);
    assert.ok(stub <= STUB_GZIP_BYTES, `${stub} bytes`);
  });
}

test('a locale that the model does not serve has an index, and neither model nor wasm', LONG, () => {
  const build = built('none', 'with');
  const german = readdirSync(path.join(build, 'de'));
  assert.ok(!german.some((name) => name.endsWith('.wasm')));
  assert.ok(readdirSync(build).some((name) => name.endsWith('.wasm')));
  const files = readdirSync(path.join(build, 'de/crossrank'));
  assert.ok(!files.some((name) => name.startsWith('model-')));
  const { locale, indexes } = JSON.parse(readFileSync(path.join(build, 'de/crossrank/index.json'), 'utf8'));
  assert.equal(locale, 'de');
  const { file } = indexes.find(({ tag }) => tag === 'docs-default-current');
  assert.match(readFileSync(path.join(build, 'de/crossrank', file), 'utf8'), /statischen Dateien/);
  assert.ok(!existsSync(path.join(build, 'de/search/crossrank')));
});

/** Ours is the only worker, except beside easyops, whose own one comes first. */
const refuseWorkers = (first) => `
  const Original = Worker;
  let left = ${first};
  globalThis.Worker = function (...args) {
    if (left-- > 0) return new Original(...args);
    throw new DOMException('blocked', 'SecurityError');
  };`;

const CASES = {
  'no WebAssembly': { script: 'delete globalThis.WebAssembly;' },
  'the wasm file is missing': { faults: [['.wasm', 'status-404']] },
  'workers are blocked': {
    script: (search) => refuseWorkers(search === 'easyops' ? 1 : 0),
  },
  'the model is missing': { faults: [['/crossrank/model-', 'status-404']] },
  'the model is answered with HTML': { faults: [['/crossrank/model-', 'html']] },
  'offline before the model is there': { abort: /\/crossrank\/model-|\.wasm$/ },
  'the storage is full': {
    script: `Cache.prototype.put = async () => { throw new DOMException('full', 'QuotaExceededError'); };`,
    // The model needs no cache, so it may come all the same.
    mayWork: true,
  },
};

for (const search of ['none', 'easyops', 'lunr']) {
  for (const [name, { script, faults, abort, mayWork }] of Object.entries(CASES)) {
    test(`${search}: ${name}: the plain search works`, LONG, async (t) => {
      const init = typeof script === 'function' ? script(search) : script;
      const { page, lines, goto } = await open(t, built(search, 'with'), { faults, script: init });
      if (abort) await page.route(abort, (route) => route.abort('internetdisconnected'));
      await goto(PAGE);
      await ask(page, search, QUERY);
      const results = await settledResults(page, search);
      assert.ok(results.length > 1);
      if (mayWork) {
        assert.deepEqual(
          lines.filter((line) => line.startsWith('uncaught')),
          [],
        );
        return;
      }
      await waitForModel(page, 'basic');
      // One line on the console, and nothing thrown.
      assert.equal(lines.length, 1, lines.join('\n'));
      assert.match(lines[0], /^crossrank: search results stay in base order\. [A-Z_]+: /);
      assert.equal(await modelState(page), 'basic');
      const seen = page.locator(search === 'none' ? 'dialog [role=status]' : '[data-crossrank-notice]');
      assert.notEqual((await seen.first().innerText()).trim(), '');
      if (search === 'none') return;
      assert.deepEqual(results, await plainResults(t, search));
    });
  }
}

test('offline at the first use: the page stays, and says that the search is not there', LONG, async (t) => {
  const { page, context, lines, goto } = await open(t, built('none', 'with'));
  await goto(PAGE);
  await page.waitForLoadState('networkidle');
  await context.setOffline(true);
  await page.getByRole('button', { name: 'Search', exact: true }).click();
  await page.getByText('The search could not be loaded').waitFor();
  assert.equal(lines.length, 1, lines.join('\n'));
  await context.setOffline(false);
  await ask(page, 'none', QUERY);
  assert.ok((await settledResults(page, 'none')).length > 1);
});

const plain = new Map();
/** What the site's own search shows without the plugin. */
async function plainResults(t, search) {
  if (!plain.has(search)) {
    const { page, goto } = await open(t, built(search, 'without'));
    await goto(PAGE);
    await ask(page, search, QUERY);
    plain.set(search, await settledResults(page, search));
  }
  return plain.get(search);
}

/** Scripts and styles among the requests, compressed. */
function gzipBytes(build, requests) {
  const aliases = aliasesOf(build);
  const files = new Set(requests.filter((one) => /\.(js|css)$/.test(one)).map((one) => aliases[one]));
  let bytes = 0;
  for (const file of files) bytes += gzipSync(readFileSync(path.join(root, file))).length;
  return bytes;
}
