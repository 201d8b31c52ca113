// The server half of the Docusaurus plugin without Docusaurus: options and their messages, globs, sections cut from
// HTML and from Markdown, the index and its size, what the configuration says of the installed search.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { pluginRoot } from '../../scripts/docusaurus.mjs';
import { root } from '../../scripts/paths.mjs';

const require = createRequire(path.join(pluginRoot, 'package.json'));
const server = (name) => require(path.join(pluginRoot, 'lib/node/server', name));
const { normalizePluginOptions } = require('@docusaurus/utils-validation');
const { validateOptions, clientOptions, servesLocale } = server('options.js');
const { globSource, pathFilter } = server('globs.js');
const { cutHtml } = server('html-page.js');
const { cutMarkdown } = server('markdown-page.js');
const { packIndex, GZIP_BYTES_PER_500_PAGES } = server('index-file.js');
const { writeIndex } = server('write-index.js');
const { configuredSearch, winningSearch } = server('detect.js');
const { findModel } = server('model.js');
const { decodeIndex } = require(path.join(pluginRoot, 'lib/node/shared/index-file.js'));

const validated = (options) => validateOptions({ validate: normalizePluginOptions, options });

test('options: none gives the defaults, and each may be set', () => {
  const defaults = validated(undefined);
  assert.equal(defaults.mode, 'auto');
  assert.equal(defaults.load, 'on-focus');
  assert.equal(defaults.hosting, 'self');
  assert.deepEqual(defaults.locales, ['en']);
  const set = {
    mode: 'rerank',
    candidates: 20,
    results: 5,
    maxLength: 128,
    budgetMs: 300,
    load: 'idle',
    saveData: 'ignore',
    blend: 1,
    boosts: [{ match: '/api/**', weight: 0.5 }],
    include: ['/docs/**'],
    exclude: ['/docs/old'],
    headings: 2,
    hosting: 'hub',
    model: 'hf:org/name@main',
    device: 'cpu',
    workers: 2,
    locales: [],
    searchPage: false,
    hotkeys: false,
  };
  assert.deepEqual(validated(set), { ...set, id: 'default' });
  assert.deepEqual(
    Object.keys(set).sort(),
    Object.keys(defaults)
      .filter((key) => key !== 'id')
      .sort(),
  );
});

test('options: what is wrong is refused, with what to write instead', () => {
  const refusals = [
    [{ budget: 400 }, /"budget" is not an option .*budgetMs/],
    [{ mode: 'both' }, /"mode" must be one of \[auto, standalone, rerank\]/],
    [{ candidates: 1000 }, /"candidates" must be less than or equal to 100/],
    [{ candidates: '30' }, /"candidates" must be a number/],
    [{ budgetMs: -1 }, /"budgetMs" must be greater than or equal to 0/],
    [{ blend: 'rrf' }, /"blend" must be a number from 0 .* to 1/],
    [{ workers: 0 }, /"workers" must be "auto" or a whole number from 1 to 16/],
    [{ boosts: [{ match: 'api/**', weight: 2 }] }, /begin with a slash/],
    [{ boosts: [{ match: '/api/**', weight: 0 }] }, /"boosts\[0\].weight" must be greater than 0/],
    [{ boosts: ['/api/**'] }, /an object of a glob and a weight/],
    [{ exclude: ['blog/**'] }, /is "blog\/\*\*".*begin with a slash/],
    [{ locales: 'en' }, /a list of the locales/],
    [{ hosting: 'hub' }, /hosting: "hub" needs to know where the model lies/],
    [{ model: 'hf:org/name' }, /is "hf:org\/name", which is on another host: add hosting: "hub"/],
  ];
  for (const [options, message] of refusals) assert.throws(() => validated(options), { message });
});

test('globs match paths, and what lies below them', () => {
  const matches = (glob, text) => new RegExp(globSource(glob)).test(text);
  for (const [glob, yes, no] of [
    ['/docs/**', ['/docs', '/docs/a', '/docs/a/b'], ['/docsearch', '/blog', '/old/docs/a']],
    ['/docs/api', ['/docs/api', '/docs/api/x'], ['/docs/apix']],
    ['/docs/*/old', ['/docs/a/old'], ['/docs/a/b/old']],
    ['/{blog,news}/**', ['/blog/x', '/news'], ['/docs']],
    ['/v1.0/**', ['/v1.0/a'], ['/v1x0/a']],
    ['**/draft', ['/a/draft', '/a/b/draft'], ['/drafts']],
  ]) {
    for (const text of yes) assert.ok(matches(glob, text), `${glob} ${text}`);
    for (const text of no) assert.ok(!matches(glob, text), `${glob} ${text}`);
  }
  const wanted = pathFilter(['/docs/**'], ['/docs/old/**']);
  assert.deepEqual(['/docs/a', '/docs/old/a', '/blog'].map(wanted), [true, false, false]);
  assert.deepEqual(clientOptions(validated({ boosts: [{ match: '/a', weight: 2 }] })).boosts, [
    { pattern: globSource('/a'), weight: 2 },
  ]);
});

test('locales: a language serves its regions, not the other way round', () => {
  assert.ok(servesLocale(['en'], 'en-GB'));
  assert.ok(servesLocale(['en-GB'], 'en-GB'));
  assert.ok(!servesLocale(['en-GB'], 'en'));
  assert.ok(!servesLocale(['en'], 'enm'));
  assert.ok(!servesLocale([], 'en'));
});

const page = (main, { head = '', html = 'plugin-docs docs-doc-page' } = {}) =>
  `<!doctype html><html class="${html}"><head><title>Fallback | Site</title>${head}
   <meta name="docusaurus_tag" content="docs-default-1.0"></head><body><nav>Menu</nav>
   <main><article>${main}</article></main><footer>Foot</footer></body></html>`;

test('HTML: cut at headings with an id, code with its lines, navigation dropped', () => {
  const cut = cutHtml(
    page(`
      <nav class="theme-doc-breadcrumbs">Home</nav>
      <div class="theme-doc-toc-mobile">On this page</div>
      <header><h1>Install &amp; run</h1></header>
      <p>Before   the <em>first</em> heading.</p>
      <h2 class="anchor" id="wasm">The wasm file<a class="hash-link" href="#wasm">\u200b</a></h2>
      <p>One</p><ul><li>two</li><li>three</li></ul>
      <div class="codeBlock"><pre><code><span class="token-line">const a = 1;<br></span><span class="token-line">  f(a &lt; 2);<br></span></code></pre>
      <button aria-label="Copy">Copy</button></div>
      <h3 id="deep">Deeper</h3><p>text of it</p>
      <h4 id="deeper">Not cut</h4><p>rest</p>
      <svg><text>picture</text></svg><script>var x</script>
      <footer class="theme-doc-footer">Edit this page</footer>
      <nav class="pagination-nav">Next</nav>`),
    'docs/install',
    3,
  );
  assert.equal(cut.title, 'Install & run');
  assert.equal(cut.tag, 'docs-default-1.0');
  assert.deepEqual(
    cut.sections.map(({ level, hash, heading }) => [level, hash, heading]),
    [
      [1, '', ''],
      [2, 'wasm', 'The wasm file'],
      [3, 'deep', 'Deeper'],
    ],
  );
  assert.equal(cut.sections[0].text, 'Before the first heading.');
  assert.match(cut.sections[1].text, /One\s+two\s+three/);
  assert.match(cut.sections[1].text, /const a = 1;\n {2}f\(a < 2\);/);
  assert.match(cut.sections[2].text, /^text of it\s+Not cut\s+rest$/);
  const everything = JSON.stringify(cut);
  for (const gone of [
    'Menu',
    'Home',
    'On this page',
    'Copy',
    'picture',
    'var x',
    'Edit this',
    'Next',
    'Foot',
  ]) {
    assert.ok(!everything.includes(gone), gone);
  }
});

test('HTML: pages that are not to be found', () => {
  const text = '<h1>T</h1><p>text</p>';
  assert.equal(
    cutHtml(page(text, { head: '<meta name="robots" content="noindex, nofollow">' }), 'a', 3),
    undefined,
  );
  assert.equal(
    cutHtml(page(text, { head: '<meta property="robots" content="noindex">' }), 'a', 3),
    undefined,
  );
  assert.equal(cutHtml(page(text, { html: 'plugin-docs docs-tags-list-page' }), 'a', 3), undefined);
  assert.equal(cutHtml(page(text, { html: 'plugin-blog blog-list-page' }), 'a', 3), undefined);
  assert.equal(cutHtml('<html><body><p>no main column</p></body></html>', 'a', 3), undefined);
  assert.equal(cutHtml(page(''), 'a', 3), undefined);
  assert.ok(cutHtml(page(text, { html: 'plugin-blog blog-post-page' }), 'a', 3));
});

test('HTML: broken markup neither throws nor loses the rest', () => {
  for (const html of [
    '',
    '<',
    '<main',
    '</main></p>',
    '<main><h2 id="a">x',
    '<main><pre><main><br>y</main>',
  ]) {
    cutHtml(html, 'a', 3);
  }
  assert.equal(cutHtml('<main><p>x</nav></p><h2 id="a">y</h2></main>', 'a', 3).sections.length, 2);
});

test('Markdown: the same sections as its HTML would give', () => {
  const source = `---
title: Front
---
import Tabs from '@theme/Tabs';

# Title

Intro with a [link](other.md) and \`code\`. <!-- hidden -->

## First *part* {#own-id}

- item
| a | b |
| - | - |
| 1 | 2 |

\`\`\`js title="x"
# no heading
import x from 'y';
\`\`\`

## Twice
## Twice
`;
  const { title, sections } = cutMarkdown(source.replaceAll('\n', '\r\n'), 3);
  assert.equal(title, 'Title');
  assert.deepEqual(
    sections.map(({ hash }) => hash),
    ['', 'own-id', 'twice', 'twice-1'],
  );
  assert.equal(sections[0].text, 'Intro with a link and code.');
  assert.match(sections[1].text, /item\s+a b\s+1 2\s+# no heading/);
});

const pages = (count, text) =>
  Array.from({ length: count }, (_, at) => ({
    path: `docs/p${at}`,
    title: `Page ${at}`,
    tag: 'docs-default-current',
    sections: [
      { level: 1, hash: '', heading: '', text: text(at, 0) },
      { level: 2, hash: 'a', heading: 'A', text: text(at, 1) },
      { level: 3, hash: 'b', heading: 'B', text: 'under A' },
      { level: 2, hash: 'c', heading: 'C', text: 'beside A' },
    ],
  }));

test('index: what is packed is what is decoded, with headings and addresses', () => {
  const packed = packIndex(pages(2, (at) => `text ${at}\n  code()`));
  const sections = decodeIndex(JSON.parse(packed.json), '/base/');
  assert.equal(sections.length, 8);
  assert.deepEqual(sections[6], {
    page: 'Page 1',
    headings: ['A', 'B'],
    url: '/base/docs/p1#b',
    text: 'under A',
    words: '',
  });
  assert.deepEqual(sections[7].headings, ['C']);
  assert.equal(sections[4].url, '/base/docs/p1');
  assert.equal(sections[4].text, 'text 1\n  code()');
  assert.equal(packed.gzipBytes, gzipSync(packed.json).length);
  for (const wrong of [
    null,
    {},
    { v: 2, pages: [], sections: [] },
    { v: 1, pages: [], sections: [[0, 1, '', '', '']] },
  ])
    assert.throws(() => decodeIndex(wrong, '/'));
});

test('index: text that does not fit is cut, and its rare words stay findable', () => {
  const word = (n) => n.toString(36).padStart(5, 'q');
  let seed = 1;
  const random = () => {
    seed = (seed * 48271) % 2147483647;
    return word(seed % 60_000);
  };
  const long = () => Array.from({ length: 600 }, random).join(' ');
  const packed = packIndex(pages(500, (at, part) => `${long()} unique${at}x${part}`));
  assert.ok(packed.gzipBytes <= GZIP_BYTES_PER_500_PAGES, `${packed.gzipBytes}`);
  assert.ok(packed.shortened > 0);
  const small = packIndex(pages(20, (at, part) => `${long()} unique${at}x${part}`));
  assert.equal(small.shortened, 40);
  assert.equal(small.cut.characters, 2400);
  const [first] = decodeIndex(JSON.parse(small.json), '/');
  assert.ok(first.text.length <= 2400 && !first.text.includes('unique'));
  assert.ok(first.words.split(' ').includes('unique0x0'));
  assert.ok(first.words.split(' ').every((one) => !` ${first.text} `.includes(` ${one} `)));
});

test('index: one file for each version, named by its content, in a list', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'crossrank-index-'));
  const versions = new Map([
    ['docs-default-current', { version: 'current', label: 'Next', latest: false }],
    ['docs-default-1.0', { version: '1.0', label: '1.0', latest: true }],
  ]);
  const current = pages(2, () => 'text');
  const old = current.map((one) => ({ ...one, tag: 'docs-default-1.0' }));
  const written = writeIndex(folder, 'en', [...current, ...old, { ...current[0], tag: 'default' }], versions);
  const list = JSON.parse(readFileSync(path.join(folder, 'index.json'), 'utf8'));
  assert.deepEqual(
    list.indexes.map(({ tag, version, latest, pages, sections }) => [tag, version, latest, pages, sections]),
    [
      ['default', null, true, 1, 4],
      ['docs-default-1.0', '1.0', true, 2, 8],
      ['docs-default-current', 'current', false, 2, 8],
    ],
  );
  for (const { file, bytes } of list.indexes) {
    assert.match(file, /^(default|docs-default-(1\.0|current))-[0-9a-f]{8}\.json$/);
    assert.equal(readFileSync(path.join(folder, file)).length, bytes);
  }
  const again = writeIndex(folder, 'en', [...pages(2, () => 'other')], versions);
  assert.notEqual(again[0].file, written[2].file);
});

test('the installed search is told by the configuration, and by the search bar that won', () => {
  const config = { themes: [], plugins: [], themeConfig: {} };
  assert.equal(configuredSearch(config), undefined);
  assert.equal(
    configuredSearch({ ...config, themes: [['@easyops-cn/docusaurus-search-local', {}]] }),
    'easyops',
  );
  assert.equal(
    configuredSearch({
      ...config,
      themes: ['/x/node_modules/@easyops-cn/docusaurus-search-local/dist/server/server/index.js'],
    }),
    'easyops',
  );
  assert.equal(
    configuredSearch({ ...config, plugins: [false, null, () => ({}), 'docusaurus-lunr-search'] }),
    'lunr',
  );
  assert.equal(configuredSearch({ ...config, themeConfig: { algolia: { appId: 'x' } } }), 'algolia');

  const bar = (file, original) =>
    winningSearch(
      { '@theme/SearchBar': file, '@theme-original/SearchBar': original ?? file },
      '/site',
      '/own/theme',
    );
  assert.equal(bar('/own/theme/SearchBar/index.js').search, 'own');
  assert.equal(bar('/n/@docusaurus/theme-classic/lib/theme/SearchBar.js').search, 'none');
  assert.equal(bar('/n/@docusaurus/theme-search-algolia/lib/theme/SearchBar/index.js').search, 'algolia');
  assert.equal(
    bar('/n/@cmfcmf/docusaurus-search-local/lib/client/theme/SearchBar/index.js').search,
    'unknown',
  );
  const wrapped = bar(
    '/site/src/theme/SearchBar/index.js',
    '/n/docusaurus-lunr-search/src/theme/SearchBar/index.jsx',
  );
  assert.deepEqual([wrapped.search, wrapped.swizzled], ['lunr', true]);
});

test('the model: the one that comes with crossrank, a folder of the site, or elsewhere', () => {
  const own = findModel({ hosting: 'self', model: 'model' }, root);
  assert.match(own.url('/base/'), /^\/base\/crossrank\/model-[0-9a-f]{8}\/$/);
  const manifest = JSON.parse(readFileSync(path.join(root, 'model/manifest.json'), 'utf8'));
  assert.equal(own.bytes, manifest.weights.bytes + manifest.config.bytes + manifest.tokenizer.bytes);
  assert.ok(own.folder.files.every((file) => readFileSync(path.join(own.folder.from, file))));
  const hub = findModel({ hosting: 'hub', model: 'hf:org/name@main' }, root);
  assert.deepEqual([hub.url('/base/'), hub.bytes, hub.folder], ['hf:org/name@main', null, undefined]);
  assert.throws(() => findModel({ hosting: 'self', model: 'docs' }, root), /has no manifest.json/);
});

test('the browser half spreads arrays only: the babel preset of Docusaurus copies nothing else right', () => {
  const folder = path.join(pluginRoot, 'src');
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.tsx?$/.test(entry.name) || entry.parentPath.includes('server')) continue;
    const source = readFileSync(path.join(entry.parentPath, entry.name), 'utf8');
    // What is spread alone is a copy or a conversion: Array.from does both right.
    assert.doesNotMatch(source, /(?<!const )\[\.\.\.[\w.#()?]+\](?! =)/, entry.name);
  }
});
