// The own search of the Docusaurus plugin as a reader meets it, in Chromium, on a small site in two languages of which
// the model reads one: keys and focus, what assistive technology is told, what moves and what does not, how it looks
// to axe-core in every colour, width and direction, and that text stays text.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { before } from 'node:test';
import { gzipSync } from 'node:zlib';
import webpack from 'webpack';
import { pluginRoot } from '../../scripts/docusaurus.mjs';
import { root } from '../../scripts/paths.mjs';
import { violations } from '../support/axe.mjs';
import { useBrowser } from '../support/browser.mjs';
import { test as quickTest } from '../support/test.mjs';
import { aliasesOf, BASE, buildSite, emptySite } from './support/sites.mjs';

const test = (name, work) => quickTest(name, { timeout: 300_000 }, work);
const open = useBrowser();
const SLOW = { timeout: 120_000 };

const QUESTION = 'how do I switch retries off';
const FIRST_BY_WORDS = 'Switch statements';
const FIRST_BY_MEANING = 'Failed requests';
const HOSTILE = `<img src=x onerror="globalThis.hit=1"> "quotes" & <b>bold</b>`;

const DOCS = {
  'switch.md': `# Language\n\n## Switch statements\n\nA switch tells what to do with a value. A switch may have a default. Switch on strings or on numbers; to switch off the default, leave it out.\n`,
  'requests.md': `# Requests\n\n## Failed requests\n\nRetries are on by default: a failed request is sent again three times. Set \`maxRetries: 0\` to turn them off.\n\n## Proxies\n\nA proxy is taken from the environment.\n`,
  'lights.md': `# Hardware\n\n## Lights\n\nThe light by the door is off when the machine sleeps.\n\n## Cables\n\nKeep them off the floor.\n`,
  'hostile.md': `# Hostile\n\n## The hostile section\n\n\`${HOSTILE}\`\n`,
};

const CONFIG = `module.exports = {
  title: 'Small', url: 'https://example.org', baseUrl: '${BASE}', future: { v4: true },
  i18n: { defaultLocale: 'en', locales: ['en', 'he'], localeConfigs: { he: { direction: 'rtl' } } },
  presets: [['classic', { docs: { routeBasePath: '/' }, blog: false }]],
  plugins: [['docusaurus-plugin-crossrank', { budgetMs: 60000, workers: 1, locales: ['en'] }]],
  themeConfig: { navbar: { title: 'Small' } },
};
`;

let aliases;
before(() => {
  const docs = Object.entries(DOCS).map(([name, text]) => [`docs/${name}`, text]);
  const site = emptySite('client-ui', {
    'docusaurus.config.js': CONFIG,
    'package.json': JSON.stringify({
      private: true,
      browserslist: { production: ['>0.5%', 'not dead', 'not op_mini all'] },
    }),
    'docs/index.md': `---\nslug: /\n---\n\n# Small\n\nA small site.\n`,
    ...Object.fromEntries(docs),
  });
  aliases = aliasesOf(buildSite(site).build);
}, SLOW);

/** Opens a page of the site. `faults()` says what has gone wrong since. */
async function openSite(t, { at = '', context: options, prepare } = {}) {
  const { context: first, server } = await open(t, { aliases });
  const context = options === undefined ? first : await first.browser().newContext(options);
  if (context !== first) t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(SLOW.timeout);
  const lines = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !message.text().includes('favicon'))
      lines.push(message.text());
  });
  page.on('pageerror', (error) => lines.push(String(error)));
  server.forget();
  await prepare?.(page, server);
  await page.goto(server.url(BASE + at));
  await page.waitForSelector('html[data-has-hydrated=true]', SLOW);
  return { page, server, lines };
}

const field = (page) => page.getByRole('combobox');
const titles = (page) =>
  page.$$eval('[role=option] > span:first-child, ol a > span:first-child', (all) =>
    all.map(({ textContent }) => textContent),
  );
const shown = (page, order) => page.waitForSelector(`[data-crossrank-order=${order}]`, SLOW);
const focused = (page) =>
  page.evaluate(() => document.activeElement?.getAttribute('role') ?? document.activeElement?.tagName);
const spoken = (page) => page.textContent('[data-crossrank-order] [role=status]');

async function ask(page, question) {
  if ((await field(page).count()) === 0) await page.keyboard.press('Control+k');
  await field(page).fill(question);
}

test('before anybody searches, a page asks for nothing of ours, and the button is small', async (t) => {
  const { page, server } = await openSite(t);
  await page.getByRole('button', { name: 'Search', exact: true }).waitFor();
  await page.waitForLoadState('networkidle', SLOW);
  assert.deepEqual(
    server.requests().filter((file) => /crossrank\/crossrank|\.wasm|\.safetensors/.test(file)),
    [],
  );
  const bytes = await stubBytes();
  t.diagnostic(`search button: ${bytes} bytes gzip`);
  assert.ok(bytes <= 5000, `${bytes} bytes`);
});

/** Bytes of the button and its styles, minified and compressed, without what a Docusaurus page has anyway. */
async function stubBytes() {
  const folder = path.join(root, 'pkg/sites/client-ui');
  const theme = path.join(pluginRoot, 'lib/browser/theme/SearchBar');
  const compiler = webpack({
    mode: 'production',
    entry: path.join(theme, 'index.js'),
    output: { path: folder, filename: 'stub.js', library: { type: 'commonjs2' } },
    externals: [/^react/, /^@docusaurus\//, /^@generated\//, /SearchDialog\.js$/],
    module: { rules: [{ test: /\.css$/, type: 'asset/source' }] },
  });
  const stats = await new Promise((resolve, reject) =>
    compiler.run((error, result) => (error ? reject(error) : resolve(result))),
  );
  assert.ok(!stats.hasErrors(), stats.toString());
  return gzipSync(readFileSync(path.join(folder, 'stub.js')), { level: 9 }).length;
}

test('a question whose answer is not first by its words gets it first, and that is said', async (t) => {
  const { page, lines } = await openSite(t);
  await ask(page, QUESTION);
  await page.waitForSelector('[role=option]', SLOW);
  assert.equal((await titles(page))[0], FIRST_BY_WORDS);
  await shown(page, 'reranked');
  assert.equal((await titles(page))[0], FIRST_BY_MEANING);
  assert.match(await spoken(page), /^\d results, reordered by relevance$/);
  assert.match(await page.textContent('[data-crossrank-order]'), /Ordered by relevance/);
  assert.deepEqual(lines, []);
});

test('keys: they open the box, move through the list, open a result, and the focus goes back', async (t) => {
  const { page } = await openSite(t);
  for (const key of ['Control+k', 'Meta+k', '/']) {
    await page.keyboard.press(key);
    await field(page).waitFor(SLOW);
    assert.equal(await focused(page), 'combobox');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog', { state: 'detached' });
  }
  const button = page.getByRole('button', { name: 'Search', exact: true });
  await button.focus();
  await page.keyboard.press('Enter');
  await field(page).waitFor(SLOW);
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
  assert.equal(await button.evaluate((element) => element === document.activeElement), true);

  await ask(page, 'proxies');
  await page.waitForSelector('[role=option]', SLOW);
  const active = () => field(page).getAttribute('aria-activedescendant');
  assert.equal(await field(page).getAttribute('aria-expanded'), 'true');
  assert.equal(await active(), null);
  await page.keyboard.press('ArrowDown');
  const option = page.locator('[role=option][aria-selected=true]');
  assert.equal(await option.getAttribute('id'), await active());
  const list = await field(page).getAttribute('aria-controls');
  assert.equal(await page.getByRole('listbox').getAttribute('id'), list);
  // Whatever is pressed, the focus never reaches the page behind.
  for (let i = 0; i < 8; i++) {
    await page.keyboard.press('Tab');
    const outside = await page.evaluate(
      () => document.activeElement !== document.body && document.activeElement?.closest('dialog') === null,
    );
    assert.equal(outside, false);
  }
  await field(page).focus();
  await page.keyboard.press('Enter');
  await page.waitForURL(/requests.*#proxies$/);
  assert.equal(await page.locator('dialog').count(), 0);
});

test('a slash that is typed into a field stays there', async (t) => {
  const { page } = await openSite(t, { at: 'search' });
  const box = page.getByRole('searchbox');
  await box.waitFor();
  await box.fill('');
  await box.press('/');
  assert.equal(await box.inputValue(), '/');
  assert.equal(await page.locator('dialog').count(), 0);
});

test('nothing moves under the pointer or a chosen row; the better order is offered and shown when asked for', async (t) => {
  for (const hold of [
    async (page) => {
      const box = await page.locator('[role=option]').first().boundingBox();
      await page.mouse.move(box.x + 20, box.y + 5);
      await page.mouse.move(box.x + 30, box.y + 8);
    },
    async (page) => page.keyboard.press('ArrowDown'),
  ]) {
    let letThrough;
    const gate = new Promise((resolve) => {
      letThrough = resolve;
    });
    const { page } = await openSite(t, {
      prepare: (page) =>
        page.route(/manifest\.json$/, async (route) => {
          await gate;
          await route.continue();
        }),
    });
    await ask(page, QUESTION);
    await page.waitForSelector('[role=option]', SLOW);
    const before = await titles(page);
    await hold(page);
    letThrough();
    await page.getByRole('button', { name: 'Show it' }).waitFor(SLOW);
    assert.deepEqual(await titles(page), before);
    await page.getByRole('button', { name: 'Show it' }).click();
    assert.equal((await titles(page))[0], FIRST_BY_MEANING);
  }
});

test('on the search page nothing moves while the focus is on a result', async (t) => {
  let letThrough;
  const gate = new Promise((resolve) => {
    letThrough = resolve;
  });
  const { page } = await openSite(t, {
    at: `search?q=${encodeURIComponent(QUESTION)}`,
    prepare: (page) =>
      page.route(/manifest\.json$/, async (route) => {
        await gate;
        await route.continue();
      }),
  });
  await page.waitForSelector('ol a', SLOW);
  const before = await titles(page);
  await page.locator('ol a').nth(1).focus();
  letThrough();
  await page.getByRole('button', { name: 'Show it' }).waitFor(SLOW);
  assert.deepEqual(await titles(page), before);
});

test('a box whose script cannot be fetched says so, and opens once it can', async (t) => {
  const { page, lines } = await openSite(t);
  const scripts = /assets\/js\/.*\.js$/;
  // The first script that fails is told; others may still be under way, and the next attempt would share their end.
  const underWay = new Set();
  page.on('request', (request) => scripts.test(request.url()) && underWay.add(request));
  for (const end of ['requestfailed', 'requestfinished']) page.on(end, (request) => underWay.delete(request));
  await page.route(scripts, (route) => route.abort());
  await page.keyboard.press('Control+k');
  await page.getByText('The search could not be loaded.').waitFor(SLOW);
  while (underWay.size > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(lines.filter((line) => line.startsWith('crossrank:')).length, 1);
  await page.unroute(scripts);
  await page.keyboard.press('Control+k');
  await field(page).waitFor(SLOW);
  assert.equal(await page.getByText('The search could not be loaded.').count(), 0);
});

test('while the model comes its bytes are told; without it the search is a search', async (t) => {
  const { page, server, lines } = await openSite(t, {
    prepare: (page) =>
      page.addInitScript(() => {
        globalThis.seen = new Set();
        new MutationObserver(() => {
          const text = document.querySelector('dialog [data-crossrank-order], dialog')?.textContent ?? '';
          const bytes = text.match(/[\d.]+ of [\d.]+ MB/);
          if (bytes !== null) globalThis.seen.add(bytes[0]);
        }).observe(document, { subtree: true, childList: true, characterData: true });
      }),
  });
  server.fault('.safetensors', 'slow');
  await ask(page, QUESTION);
  await page.waitForFunction(() => globalThis.seen.size > 1, undefined, SLOW);
  const total = new Set(
    (await page.evaluate(() => [...globalThis.seen])).map((text) => text.split(' of ')[1]),
  );
  assert.equal(total.size, 1);
  server.heal();

  const other = await openSite(t, {
    prepare: (_, at) => at.fault('/crossrank/crossrank/model', 'status-404'),
  });
  await ask(other.page, QUESTION);
  await other.page.waitForFunction(
    () => document.documentElement.dataset.crossrank === 'basic',
    undefined,
    SLOW,
  );
  await other.page.getByText(/Basic order: the ranking model is not available \(\w+\)/).waitFor();
  assert.equal((await titles(other.page))[0], FIRST_BY_WORDS);
  await field(other.page).fill('proxies');
  await other.page.waitForFunction(() =>
    document.querySelector('[role=option]')?.textContent.startsWith('Proxies'),
  );
  assert.equal(other.lines.filter((line) => line.startsWith('crossrank:')).length, 1, other.lines.join('\n'));
  assert.deepEqual(lines, []);
});

test('a reader who saves data is asked before the model is fetched', async (t) => {
  const { page, server } = await openSite(t, {
    prepare: (page) =>
      page.addInitScript(() => Object.defineProperty(navigator, 'connection', { value: { saveData: true } })),
  });
  await ask(page, QUESTION);
  const load = page.getByRole('button', { name: /^Improve the order \(loads 23\.\d MB\)$/ });
  await load.waitFor(SLOW);
  assert.deepEqual(server.requests('.safetensors'), []);
  await load.click();
  await shown(page, 'reranked');
  assert.equal((await titles(page))[0], FIRST_BY_MEANING);
});

test('the search page: its address is the query, Back brings the one before', async (t) => {
  const { page } = await openSite(t, { at: `search?q=${encodeURIComponent(QUESTION)}` });
  await shown(page, 'reranked');
  assert.equal((await titles(page))[0], FIRST_BY_MEANING);
  assert.equal(
    await page.getByRole('heading', { level: 1 }).textContent(),
    `Search results for “${QUESTION}”`,
  );
  await page.getByRole('searchbox').fill('proxies');
  await page.waitForURL(/\?q=proxies$/);
  await page.waitForFunction(() => document.querySelector('ol a')?.textContent.startsWith('Proxies'));
  await page.locator('ol a').first().click();
  await page.waitForURL(/#proxies$/);
  await page.goBack();
  await page.waitForFunction(() => document.querySelector('input[type=search]')?.value === 'proxies');
});

test('a language that the model does not read is searched in base order, in its own words and direction', async (t) => {
  const { page, server } = await openSite(t, { at: 'he/' });
  assert.equal(await page.getAttribute('html', 'dir'), 'rtl');
  await page.getByRole('button', { name: 'חיפוש', exact: true }).click();
  await field(page).fill(QUESTION);
  await page.waitForSelector('[role=option]', SLOW);
  await page.getByText('סדר בסיסי', { exact: true }).waitFor();
  assert.equal((await titles(page))[0], FIRST_BY_WORDS);
  assert.deepEqual(
    server.requests().filter((file) => /\.wasm|\.safetensors/.test(file)),
    [],
  );
});

test('text stays text, in the index and in the query', async (t) => {
  const { page } = await openSite(t);
  await ask(page, 'hostile section');
  await page.waitForFunction(
    (text) => document.querySelector('[role=listbox]')?.textContent.includes(text),
    HOSTILE,
    SLOW,
  );
  await field(page).fill(HOSTILE.repeat(3));
  await page.waitForTimeout(500);
  assert.equal(await page.evaluate(() => globalThis.hit), undefined);
  assert.equal(await page.locator('dialog img, dialog b').count(), 0);
});

const LOOKS = {
  light: {},
  dark: { context: { colorScheme: 'dark' }, dark: true },
  '360 px wide': { context: { viewport: { width: 360, height: 700 } } },
  'right to left': { at: 'he/' },
};

for (const [look, { at = '', context, dark }] of Object.entries(LOOKS)) {
  test(`axe-core finds nothing in the box and on the search page, ${look}`, async (t) => {
    const { page } = await openSite(t, { at, context });
    if (dark) await page.evaluate(() => document.documentElement.setAttribute('data-theme', 'dark'));
    await page.keyboard.press('Control+k');
    await field(page).waitFor(SLOW);
    assert.deepEqual(await violations(page), []);
    await field(page).fill(QUESTION);
    await page.waitForSelector('[role=option]', SLOW);
    await page.keyboard.press('ArrowDown');
    assert.deepEqual(await violations(page), []);
    await field(page).fill('thereisnosuchword');
    await page.waitForSelector('[role=option]', { state: 'detached' });
    assert.deepEqual(await violations(page), []);
    await field(page).fill(QUESTION);
    await page.locator('dialog a[href*="search?q"]').click();
    await page.waitForSelector('ol a', SLOW);
    // The bar by which Docusaurus shows that a page is coming is not ours.
    await page.waitForSelector('#nprogress', { state: 'detached' });
    if (dark) await page.evaluate(() => document.documentElement.setAttribute('data-theme', 'dark'));
    assert.deepEqual(await violations(page), []);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `${overflow} px too wide`);
  });
}

test('who wants no motion sees none', async (t) => {
  const { page } = await openSite(t, { context: { reducedMotion: 'reduce' } });
  await page.keyboard.press('Control+k');
  await field(page).waitFor(SLOW);
  assert.equal(await page.$eval('dialog', (element) => getComputedStyle(element).animationName), 'none');
});
