// The plugin with every search it knows, in both bundlers, built and started: the example is searched in Chromium, and
// a question whose best section is not first by its words gets it first.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../../../scripts/paths.mjs';
import { test } from '../../support/test.mjs';
import {
  ask,
  modelState,
  settledResults,
  useBrowser,
  waitForModel,
  waitForResults,
} from '../support/browse.mjs';
import { BASE, buildSite, exampleSite, startSite } from '../support/sites.mjs';

const open = useBrowser();
const LONG = { timeout: 900_000 };
/** So that the order is the model's, however slow this machine is. */
const CROSSRANK = '{ "budgetMs": 60000 }';

/** A question whose best section other sections beat by their words, and how that section is drawn. */
const QUESTION = 'what happens when a worker dies';
const OWN_INDEX = { question: QUESTION, best: /^WORKER_LOST/ };
const QUESTIONS = {
  none: OWN_INDEX,
  easyops: { question: QUESTION, best: /A worker ended in the middle/ },
  lunr: { question: QUESTION, best: /WORKER_LOST/ },
};
/** Our index is asked in the version 0.1, whose text stays as it is; the others search all that they have. */
const pageOf = (search) => `${BASE}docs/${search === 'none' ? '0.1/' : ''}hosting`;

/** In `docusaurus start` all search our index. */
const STARTED = {
  none: ['none', OWN_INDEX],
  easyops: ['easyops', { ...OWN_INDEX, best: /A worker ended in the middle/ }],
  // It has no index there, and its field is disabled: our search bar stands in.
  lunr: ['none', OWN_INDEX],
};

for (const search of ['none', 'easyops', 'lunr']) {
  for (const bundler of ['rspack', 'webpack']) {
    test(`${search}, ${bundler}, build: the best section becomes the first`, LONG, async (t) => {
      const environment = { SEARCH: search, BUNDLER: bundler, CROSSRANK };
      const { build, output } = buildSite(exampleSite(`${search}-${bundler}`), environment, '--locale', 'en');
      assert.match(
        output,
        /crossrank: index of locale en, docs-default-current: \d+ pages, \d+ sections, \d+ kB gzip/,
      );
      assert.match(output, /crossrank: model of locale en: 23\.6 MB, copied into the site/);
      assert.ok(existsSync(path.join(build, 'crossrank/index.json')));

      const base = await baseResults(t, build, search);
      assert.doesNotMatch(base[0], QUESTIONS[search].best);
      const { page, server, goto } = await open(t, build);
      await goto(pageOf(search));
      await rankedFirst(page, search, QUESTIONS[search]);
      assert.ok(server.requests('/crossrank/crossrank/model-').length > 0, 'the model is in the site');
      assert.equal(server.requests('.wasm').length, 1);
    });

    test(`${search}, ${bundler}, start: the best section is the first`, LONG, async (t) => {
      const site = exampleSite(`${search}-${bundler}-start`);
      const { origin, stop } = await startSite(site, { SEARCH: search, BUNDLER: bundler, CROSSRANK });
      t.after(stop);
      const { page, goto } = await open(t, origin);
      await goto(pageOf('none'));
      await rankedFirst(page, ...STARTED[search]);
    });
  }
}

test(
  'easyops: the model comes when the page is idle; the search page is reranked; trees are in one piece',
  LONG,
  async (t) => {
    const environment = { SEARCH: 'easyops', CROSSRANK: '{ "budgetMs": 60000, "load": "idle" }' };
    const { build } = buildSite(exampleSite('easyops-page'), environment, '--locale', 'en');
    const { page, goto } = await open(t, build);
    await goto(`${BASE}docs/hosting`);
    await waitForModel(page);
    await goto(`${BASE}search?q=worker`);
    const field = page.locator('input[name=q]');
    await field.click();
    await waitForModel(page);
    await field.fill(QUESTIONS.easyops.question);
    const first = page.locator('article h2').first();
    await first.getByText('WORKER_LOST').waitFor({ timeout: 90_000 });

    await ask(page, 'easyops', 'model cache');
    await settledResults(page, 'easyops');
    const rows = await page.locator('.navbar__search [class*=suggestion_]').evaluateAll((elements) =>
      elements.map((element) => ({
        inTree: element.querySelector('[class*=hitTree_]') !== null,
        text: element.textContent,
      })),
    );
    assert.ok(rows.length > 2);
    assert.equal(rows[0].inTree, false);
  },
);

test('hosting: hub: readers fetch the model from the hub, and it is not in the site', LONG, async (t) => {
  const options = { hosting: 'hub', model: 'hf:example/reranker@v1', budgetMs: 60_000 };
  const environment = { CROSSRANK: JSON.stringify(options) };
  const { build, output } = buildSite(exampleSite('hub'), environment, '--locale', 'en');
  assert.doesNotMatch(output, /copied into the site/);
  const { page, server, goto } = await open(t, build);
  const asked = [];
  await page.route('https://huggingface.co/**', async (route) => {
    const url = new URL(route.request().url());
    asked.push(url.pathname.replace('/example/reranker/resolve/v1/', ''));
    await route.fulfill({
      path: path.join(root, 'model', path.basename(url.pathname)),
      headers: { 'access-control-allow-origin': '*', 'content-type': 'application/octet-stream' },
    });
  });
  await goto(pageOf('none'));
  await rankedFirst(page, 'none', OWN_INDEX);
  const { config, tokenizer, weights } = JSON.parse(
    readFileSync(path.join(root, 'model/manifest.json'), 'utf8'),
  );
  const files = [config, tokenizer, ...weights.shards].map((file) => file.path);
  assert.deepEqual(asked.toSorted(), [...files, 'manifest.json'].toSorted());
  assert.deepEqual(server.requests('/crossrank/crossrank/model-'), []);
});

test('hosting: hub: a hub that cannot be reached leaves the plain search', LONG, async (t) => {
  const options = { hosting: 'hub', model: 'hf:example/reranker@v1' };
  const { build } = buildSite(
    exampleSite('hub-lost'),
    { CROSSRANK: JSON.stringify(options) },
    '--locale',
    'en',
  );
  const { page, lines, goto } = await open(t, build);
  await page.route('https://huggingface.co/**', (route) => route.abort('internetdisconnected'));
  await goto(pageOf('none'));
  await ask(page, 'none', QUESTION);
  assert.ok((await settledResults(page, 'none')).length > 1);
  await waitForModel(page, 'basic');
  assert.equal(lines.length, 1, lines.join('\n'));
  assert.match(lines[0], /^crossrank: search results stay in base order\. NETWORK: /);
});

async function baseResults(t, build, search) {
  const { page, goto } = await open(t, build, { faults: [['/crossrank/model-', 'status-404']] });
  await goto(pageOf(search));
  assert.equal(await modelState(page), null);
  await ask(page, search, 'worker memory lost');
  await waitForModel(page, 'basic');
  await ask(page, search, QUESTIONS[search].question);
  return await settledResults(page, search);
}

async function rankedFirst(page, search, { question, best }) {
  await ask(page, search, 'worker memory lost');
  await waitForModel(page);
  await ask(page, search, question);
  return await waitForResults(page, search, ([first]) => first !== undefined && best.test(first));
}

test('Algolia: hits that another host answers with come in the model’s order', LONG, async (t) => {
  const site = exampleSite('algolia', {
    'src/theme/SearchBar.js': `import SearchBar from '@theme-original/SearchBar';
import { transformSearchClient } from 'docusaurus-plugin-crossrank/algolia';

export default function RerankedSearchBar(props) {
  return <SearchBar {...props} transformSearchClient={transformSearchClient} />;
}
`,
  });
  const environment = { SEARCH: 'algolia', CROSSRANK: '{ "budgetMs": 60000, "blend": 1 }' };
  const { build, output } = buildSite(site, environment, '--locale', 'en');
  assert.match(output, /this site searches with Algolia/);
  const { page, goto } = await open(t, build);
  // The best one last: what order there is comes from the model.
  const hits = [
    ['INTERNAL', 'errors#internal'],
    ['Download', 'performance#download'],
    ['Make one', 'model-format#make-one'],
    ['WORKER_LOST', 'errors#worker_lost'],
  ].map(([heading, url]) => algoliaHit(heading, `https://example.org${BASE}docs/${url}`));
  await page.route(/algolia(net)?\./, async (route) => {
    const { requests = [{}] } = route.request().postDataJSON() ?? {};
    const results = requests.map(({ query = '', indexName }) => ({
      hits: query === '' ? [] : hits,
      nbHits: hits.length,
      index: indexName,
      query,
      params: '',
    }));
    await route.fulfill({ json: { results }, headers: { 'access-control-allow-origin': '*' } });
  });
  await goto(`${BASE}docs/errors`);
  await page.locator('.DocSearch-Button').click();
  const field = page.locator('.DocSearch-Input');
  await field.fill('worker memory lost');
  await waitForModel(page);
  await field.fill(QUESTION);
  const first = page.locator('.DocSearch-Hit').first();
  await first.filter({ hasText: 'WORKER_LOST' }).waitFor({ timeout: 90_000 });
});

/** As DocSearch indexes a section; its text is in our index. */
function algoliaHit(heading, url) {
  const hierarchy = {
    lvl0: 'Documentation',
    lvl1: heading,
    lvl2: null,
    lvl3: null,
    lvl4: null,
    lvl5: null,
    lvl6: null,
  };
  const marked = { value: heading, matchLevel: 'none', matchedWords: [] };
  return {
    objectID: url,
    url,
    url_without_anchor: url,
    type: 'lvl1',
    content: null,
    hierarchy,
    _highlightResult: { hierarchy: { lvl0: { ...marked, value: 'Documentation' }, lvl1: marked } },
    _snippetResult: { hierarchy: { lvl1: marked } },
  };
}
