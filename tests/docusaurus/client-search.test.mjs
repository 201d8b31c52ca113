// The base search of the Docusaurus plugin: terms, BM25 over sections, which index files belong to a page, and what is
// shown of a text. Pure functions of the built package, in Node.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SectionIndex } from '../../docusaurus/lib/browser/client/search/bm25.js';
import { decodeIndexList, entriesFor } from '../../docusaurus/lib/browser/client/search/context.js';
import { passage, segments, snippet } from '../../docusaurus/lib/browser/client/search/segments.js';
import { queryTerms, words } from '../../docusaurus/lib/browser/client/search/terms.js';

const termsOf = (text, english = true) => [...words(text, english)].flatMap(({ terms }) => terms);

test('an identifier is found by its parts and as a whole, words by their stems', () => {
  assert.deepEqual(termsOf('splitChunksPlugin'), ['split', 'chunk', 'plugin', 'splitchunksplugin']);
  assert.deepEqual(termsOf('MAX_RETRY_COUNT'), ['max', 'retry', 'count', 'max_retry_count']);
  assert.deepEqual(
    termsOf('parseHTTPHeader'),
    ['parse', 'http', 'header', 'parsehttpheader'].map((t) => (t === 'parse' ? 'pars' : t)),
  );
  for (const form of ['retry', 'retries', 'retried', 'retrying']) assert.deepEqual(termsOf(form), ['retry']);
  for (const form of ['cache', 'caches', 'cached', 'caching']) assert.deepEqual(termsOf(form), ['cach']);
  for (const form of ['stop', 'stops', 'stopped', 'stopping']) assert.deepEqual(termsOf(form), ['stop']);
});

test('other languages keep their words; accents and case do not count; scripts without spaces give pairs', () => {
  assert.deepEqual(termsOf('Größen Übersichten', false), ['großen', 'ubersichten']);
  assert.deepEqual(termsOf('caching', false), ['caching']);
  assert.deepEqual(termsOf('全文検索', false), ['全文', '文検', '検索']);
  assert.deepEqual(termsOf('חיפוש באתר', false), ['חיפוש', 'באתר']);
});

test('a query drops empty words unless it has no other, and its last word may be unfinished', () => {
  assert.deepEqual(queryTerms('how do I switch retries off', true), {
    terms: ['switch', 'retry', 'off'],
    prefix: 'off',
  });
  assert.deepEqual(queryTerms('how to', true).terms, ['how', 'to']);
  assert.equal(queryTerms('webpack ', true).prefix, undefined);
  assert.equal(queryTerms('webpack?', true).prefix, undefined);
  assert.equal(queryTerms('webp', true).prefix, 'webp');
});

const SECTIONS = [
  { title: 'Guide', heading: '', text: 'Everything about the tool and how to use it.' },
  { title: 'Guide', heading: 'Retries', text: 'A request is tried again three times.' },
  {
    title: 'Guide',
    heading: 'Network',
    text: 'Retries are one of many things here, besides proxies and time-outs.',
  },
  { title: 'Retries in depth', heading: '', text: 'What happens when a server is down.' },
  { title: 'Plugins', heading: 'Hooks', text: 'Call `onBeforeRequest` to change a request.' },
];

test('BM25: headings and titles weigh more than text, a rare word more than a common one', async () => {
  const index = await SectionIndex.build(SECTIONS, 'en');
  const found = (query, limit = 10) => index.search(query, limit).map(({ section }) => section);
  assert.deepEqual(found('retries').slice(0, 2).sort(), [1, 3]);
  assert.equal(found('retries').at(-1), 2);
  assert.equal(found('onBeforeRequest')[0], 4);
  assert.equal(found('before request')[0], 4);
  assert.equal(found('request hooks')[0], 4);
  assert.deepEqual(found('nothingofthiskind'), []);
  assert.deepEqual(found(''), []);
  assert.equal(found('guide', 2).length, 2);
  assert.ok(index.search('request hooks', 5).every(({ score }) => score > 0));
});

test('BM25 gives the sum of the formula', async () => {
  const sections = [
    { title: '', heading: '', text: 'alpha alpha beta' },
    { title: '', heading: '', text: 'beta gamma gamma gamma delta' },
  ];
  const index = await SectionIndex.build(sections, 'de');
  const [hit, ...rest] = index.search('alpha ', 5);
  assert.deepEqual(rest, []);
  const [k1, b, n, df, tf, length, mean] = [1.2, 0.75, 2, 1, 2, 3, 4];
  const occurrences = tf / (1 - b + (b * length) / mean);
  const expected = (Math.log(1 + (n - df + 0.5) / (df + 0.5)) * occurrences * (k1 + 1)) / (k1 + occurrences);
  assert.equal(hit.section, 0);
  assert.ok(Math.abs(hit.score - expected) < 1e-12);
});

test('the word that is being typed finds the words that begin so, below the word itself', async () => {
  const sections = [
    { title: '', heading: '', text: 'a configuration of sorts' },
    { title: '', heading: '', text: 'a config of sorts' },
    { title: '', heading: '', text: 'something else here' },
  ];
  const index = await SectionIndex.build(sections, 'en');
  assert.deepEqual(
    index.search('config', 5).map(({ section }) => section),
    [1, 0],
  );
  assert.deepEqual(
    index
      .search('conf', 5)
      .map(({ section }) => section)
      .sort(),
    [0, 1],
  );
  assert.deepEqual(index.search('conf ', 5), []);
});

test('building lets the page breathe, and any text can be indexed and searched', async (t) => {
  let breaths = 0;
  const many = Array.from({ length: 1000 }, (_, i) => ({ title: `t${i}`, heading: 'h', text: 'x' }));
  let now = 0;
  t.mock.method(performance, 'now', () => now++);
  await SectionIndex.build(many, 'en', async () => {
    breaths += 1;
  });
  // Each look at the clock takes 1 ms: one for every section, and one after each breath, which comes after more than 16.
  assert.equal(breaths, Math.floor(1000 / 17));
  const section = fc.record({
    title: fc.string(),
    heading: fc.string(),
    text: fc.string({ unit: 'binary' }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(section, { maxLength: 8 }),
      fc.string({ unit: 'binary' }),
      async (sections, query) => {
        const index = await SectionIndex.build(sections, 'en', async () => {});
        const hits = index.search(query, 5);
        assert.ok(hits.length <= 5);
        for (const [i, { section, score }] of hits.entries()) {
          assert.ok(section >= 0 && section < sections.length && Number.isFinite(score));
          if (i > 0) assert.ok(hits[i - 1].score >= score);
        }
      },
    ),
  );
});

const textOf = (parts) => parts.map(({ text }) => text).join('');

test('highlights are pieces that together are the text, whatever it contains', () => {
  const text = 'Set <b>maxRetries</b> to 0: retrying ends.';
  const parts = segments(text, 'retries', true);
  assert.equal(textOf(parts), text);
  assert.deepEqual(
    parts.filter(({ hit }) => hit).map(({ text: word }) => word),
    ['maxRetries', 'retrying'],
  );
  assert.deepEqual(
    segments('config files', 'conf', true).filter(({ hit }) => hit),
    [{ text: 'config', hit: true }],
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), (any, query) => {
      assert.equal(textOf(segments(any, query, true)), any);
    }),
  );
});

test('a snippet shows the stretch with the most of the query', () => {
  const filler = 'nothing of interest stands here at all. '.repeat(20);
  const text = `${filler}One retry. ${filler}Here retries and proxies meet. ${filler}`;
  const shown = textOf(snippet(text, 'retries proxies', true, 120));
  assert.match(shown, /^… .*retries and proxies meet.* …$/);
  assert.ok(shown.length <= 130);
  assert.equal(textOf(snippet('short\n  text', 'x', true, 120)), 'short text');
});

test('of a long section the model reads the passage that fits the query, from the beginning of its line', () => {
  const filler = 'Nothing of interest stands here at all.\n'.repeat(40);
  const text = `${filler}Set maxRetries to 0 to switch them off.\n${filler}`;
  const read = passage(text, 'switch retries off', 300);
  assert.equal(read.length, 300);
  assert.ok(read.startsWith('Set maxRetries'));
  assert.equal(passage(text, 'unheard of words', 300), text.slice(0, 300));
  assert.equal(passage('short', 'anything', 300), 'short');
});

const entry = (tag, version, latest) => ({ tag, version, latest, label: null, file: `${tag}.json` });
const ENTRIES = [
  entry('default', null, true),
  entry('docs-default-current', 'current', false),
  entry('docs-default-2.0', '2.0', true),
  entry('docs-default-1.0', '1.0', false),
  entry('docs-api-v2-current', 'current', true),
];

test('a page is searched with its own version, and other docs with the chosen or the latest one, never two', () => {
  const tags = (pageTag, preferred = () => null) =>
    entriesFor(ENTRIES, pageTag, preferred).map(({ tag }) => tag);
  assert.deepEqual(tags('docs-default-1.0'), ['default', 'docs-default-1.0', 'docs-api-v2-current']);
  assert.deepEqual(tags('default'), ['default', 'docs-default-2.0', 'docs-api-v2-current']);
  assert.deepEqual(tags(null), ['default', 'docs-default-2.0', 'docs-api-v2-current']);
  const asked = [];
  const chosen = tags('default', (id) => {
    asked.push(id);
    return id === 'default' ? 'current' : 'gone';
  });
  assert.deepEqual(chosen, ['default', 'docs-default-current', 'docs-api-v2-current']);
  assert.deepEqual(asked, ['default', 'api-v2']);
});

test('a list of index files is checked before it is believed', () => {
  const list = { v: 1, locale: 'en', indexes: ENTRIES };
  assert.equal(decodeIndexList(list), list);
  for (const bad of [
    null,
    'x',
    {},
    { ...list, v: 2 },
    { ...list, locale: 1 },
    { ...list, indexes: [{ tag: 'x' }] },
  ]) {
    assert.throws(() => decodeIndexList(bad), /not a list of index files/);
  }
});
