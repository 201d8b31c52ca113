// The built demo page in a real Chromium, with the default model: its order is the library's order, nothing leaves the
// origin, text stays text, and each failure leaves a page that works. The hooks used here are listed in
// www/demo/view.ts.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { violations } from '../support/axe.mjs';
import { useBrowser } from '../support/browser.mjs';
import { CHUNK_FILE, readChunks } from './chunk-file.mjs';

const open = useBrowser();
const RANKED = { timeout: 180_000 };

/** Opens the demo beside the library's own test page, and watches it for what must never happen. */
async function openDemo(t, { files, viewport, prepare, colorScheme, query = '' } = {}) {
  const { page: library, context, server } = await open(t, { files });
  const page = await context.newPage();
  if (viewport !== undefined) await page.setViewportSize(viewport);
  if (colorScheme !== undefined) await page.emulateMedia({ colorScheme });
  const faults = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol !== 'data:' && url.origin !== server.origin) faults.push(`request to ${url.origin}`);
  });
  await page.addInitScript(() => {
    globalThis.violations = [];
    document.addEventListener('securitypolicyviolation', (event) => {
      globalThis.violations.push(`${event.effectiveDirective} ${event.blockedURI}`);
    });
  });
  if (prepare !== undefined) await prepare(page, server);
  await page.goto(server.url(`/pkg/demo/index.html${query}`));
  const quiet = async () => {
    assert.deepEqual(await page.evaluate(() => globalThis.violations), []);
    assert.deepEqual(faults, []);
  };
  return { page, library, server, quiet, faults };
}

const waitForState = (page, state) => page.waitForSelector(`body[data-state=${state}]`, RANKED);

const rows = (page) =>
  page.$$eval('#results > li', (all) =>
    all.map(({ dataset, textContent }) => ({
      chunk: Number(dataset.chunk),
      lexicalRank: Number(dataset.lexicalRank),
      score: dataset.score === undefined ? undefined : Number(dataset.score),
      text: textContent,
    })),
  );

async function rankOwn(page, query, documents) {
  await page.check('[name=source][value=own]');
  await page.fill('#query', query);
  await page.fill('#own', documents);
  await page.press('#query', 'Enter');
}

const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

test('an example question is shown in search order, then in the order that predict gives', async (t) => {
  const question = 'where is GELU implemented';
  const { page, library, quiet } = await openDemo(t);
  // The page opens with a question and a list, before any model.
  await page.waitForSelector('#results > li');
  assert.notEqual(await page.inputValue('#query'), '');
  await page.click(`#examples button:text-is("${question}")`);
  assert.equal(await page.inputValue('#query'), question);
  const lexical = await rows(page);
  assert.deepEqual(
    lexical.map(({ lexicalRank }) => lexicalRank),
    Array.from({ length: 20 }, (_, i) => i + 1),
  );

  await waitForState(page, 'reranked');
  const ranked = await rows(page);
  assert.deepEqual(
    ranked.map(({ chunk }) => chunk).sort((a, b) => a - b),
    lexical.map(({ chunk }) => chunk).sort((a, b) => a - b),
  );
  assert.notDeepEqual(
    ranked.map(({ chunk }) => chunk),
    lexical.map(({ chunk }) => chunk),
    'the model changes something',
  );

  const chunks = readChunks();
  const documents = lexical.map(({ chunk }) => `${chunks[chunk].path}\n\n${chunks[chunk].text}`);
  const scores = await library.evaluate(
    async ([query, texts]) => {
      await load();
      return Array.from(await reranker.predict(texts.map((text) => [query, text])));
    },
    [question, documents],
  );
  const expected = lexical
    .map(({ chunk }, index) => ({ chunk, score: scores[index], index }))
    .sort((a, b) => b.score - a.score || a.index - b.index);
  assert.deepEqual(
    ranked.map(({ chunk }) => chunk),
    expected.map(({ chunk }) => chunk),
  );
  ranked.forEach(({ score }, place) => {
    assert.ok(Math.abs(score - expected[place].score) <= 1e-5, `score at ${place + 1}`);
  });

  // What is said about it.
  assert.match(await page.textContent('#status'), /^Reranked 20 chunks in [\d.]+ s\. First is /);
  assert.match(await page.textContent('#timings'), /first stage.*tokenising.*scoring.*tokens/s);
  await page.waitForFunction(() =>
    /^Ready, also offline:/.test(document.querySelector('#model-text').textContent),
  );
  const first = ranked[0];
  assert.match(first.text, first.lexicalRank === 1 ? /=/ : new RegExp(`▲${first.lexicalRank - 1}`));

  // Back to the search order and forth again, without another ranking.
  await page.check('[name=order][value=lexical]');
  const back = await rows(page);
  assert.deepEqual(
    back.map(({ chunk }) => chunk),
    lexical.map(({ chunk }) => chunk),
  );
  await page.check('[name=order][value=reranked]');
  const again = await rows(page);
  assert.deepEqual(
    again.map(({ chunk }) => chunk),
    ranked.map(({ chunk }) => chunk),
  );
  assert.equal(new URL(page.url()).searchParams.get('q'), question);
  await quiet();
});

test('360 px are enough, and pasted text stays text', async (t) => {
  const hostile = '<img src=x onerror="alert(1)"><script>alert(2)</script>';
  const { page, quiet } = await openDemo(t, { viewport: { width: 360, height: 740 } });
  await page.waitForSelector('#results > li');
  assert.ok((await overflow(page)) <= 0, 'package sources');
  const wide = `${'a_very_long_identifier_'.repeat(20)}\n${hostile}`;
  await rankOwn(
    page,
    '<b>evict</b> the oldest entry',
    `${wide}\n\nmap.delete(map.keys().next().value);\n\n& &amp; ©`,
  );
  await waitForState(page, 'reranked');
  const ranked = await rows(page);
  assert.equal(ranked.length, 3);
  assert.ok(ranked.find(({ chunk }) => chunk === 0).text.includes(hostile));
  assert.ok(ranked.find(({ chunk }) => chunk === 2).text.includes('& &amp; ©'));
  assert.equal(await page.locator('#results img, #results script, #results b').count(), 0);
  assert.ok((await overflow(page)) <= 0, 'own documents');
  await quiet();
});

test('of two quick questions the last one wins', async (t) => {
  const { page, quiet } = await openDemo(t);
  await page.waitForSelector('body[data-model=ready]', RANKED);
  await page.click('#examples li:nth-child(2) button');
  await waitForState(page, 'reranking');
  await rankOwn(page, 'second', 'one\n\ntwo');
  await waitForState(page, 'reranked');
  assert.equal((await rows(page)).length, 2);
  assert.match(await page.textContent('#status'), /^Reranked 2 documents/);
  // Nothing of the first ranking arrives later.
  await page.waitForTimeout(1000);
  assert.equal((await rows(page)).length, 2);
  await quiet();
});

test('without the model the search goes on; the retry button brings it back', async (t) => {
  const { page, server } = await openDemo(t, { prepare: (_, { fault }) => fault('model-000', 'status-404') });
  await page.waitForSelector('body[data-model=failed]', RANKED);
  assert.match(await page.textContent('#model-text'), /NETWORK/);
  await page.fill('#query', 'symbolic link');
  await page.press('#query', 'Enter');
  assert.equal((await rows(page)).length, 20);
  assert.equal(await page.getAttribute('body', 'data-state'), 'failed');

  server.heal();
  await rankOwn(page, 'b', 'a\n\nb');
  await page.click('#model-action');
  await waitForState(page, 'reranked');
  assert.equal(await page.isVisible('#model-action'), false);
});

test('a browser without SIMD is told so, and still searches', async (t) => {
  const { page, quiet } = await openDemo(t, {
    prepare: (page) =>
      page.addInitScript(() => {
        WebAssembly.validate = () => false;
      }),
  });
  await page.waitForSelector('body[data-model=failed]', RANKED);
  assert.match(await page.textContent('#model-text'), /UNSUPPORTED.*SIMD/s);
  assert.equal(await page.isVisible('#model-action'), false, 'another try would not help');
  await page.click('#examples li:nth-child(3) button');
  assert.equal((await rows(page)).length, 20);
  await quiet();
});

test('a worker that died is replaced by the next search', async (t) => {
  const { page } = await openDemo(t);
  await page.waitForSelector('body[data-model=ready]', RANKED);
  await rankOwn(page, 'first', 'one\n\ntwo');
  await waitForState(page, 'reranked');
  await page.workers()[0].evaluate(() => self.close());
  await rankOwn(page, 'second', 'three\n\nfour\n\nfive');
  await page.waitForSelector('body[data-state=reranked], body[data-state=failed]', RANKED);
  if ((await page.getAttribute('body', 'data-state')) === 'failed') {
    assert.match(await page.textContent('#status'), /WORKER_LOST/);
    await page.press('#query', 'Enter');
    await waitForState(page, 'reranked');
  }
  assert.equal((await rows(page)).length, 3);
});

test('a visitor who saves data is asked before the model is fetched', async (t) => {
  const { page, server, quiet } = await openDemo(t, {
    prepare: (page) =>
      page.addInitScript(() => {
        Object.defineProperty(navigator, 'connection', { value: { saveData: true }, configurable: true });
      }),
  });
  await page.waitForSelector('#results > li');
  await page.waitForSelector('#model-action:visible');
  assert.match(await page.textContent('#model-action'), /\(\d+\.\d MB\)/);
  assert.deepEqual(server.requests('.bin'), []);
  await quiet();
});

test('landmarks, names and states are there for assistive technology', async (t) => {
  const { page } = await openDemo(t);
  await page.waitForSelector('#results > li');
  const tree = await page.locator('body').ariaSnapshot();
  for (const part of [
    'banner',
    'search',
    'main',
    'contentinfo',
    'status',
    'list "Results"',
    'searchbox "Question"',
  ]) {
    assert.ok(tree.includes(`- ${part}`), `${part} in\n${tree}`);
  }
  for (const part of [
    'group "Search in"',
    'group "Order"',
    'radio "reranked" [checked]',
    'combobox "Candidates',
  ]) {
    assert.ok(tree.includes(`- ${part}`), `${part} in\n${tree}`);
  }
  const more = page.locator('#results button').first();
  assert.equal(await more.getAttribute('aria-expanded'), 'false');
  await more.click();
  assert.equal(await more.getAttribute('aria-expanded'), 'true');
  assert.equal(await more.textContent(), 'Show fewer');
});

test('keyboard: a slash goes to the question, and not while typing', async (t) => {
  const { page, quiet } = await openDemo(t, { query: '?q=small%20vector' });
  await page.waitForSelector('#results > li');
  assert.equal(await page.inputValue('#query'), 'small vector');
  await page.focus('[name=order][value=reranked]');
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'query');
  await page.keyboard.press('End');
  await page.keyboard.press('/');
  assert.equal(await page.inputValue('#query'), 'small vector/');
  await quiet();
});

test('a host that already declares gzip, or has no chunk file, is no obstacle', async (t) => {
  const plain = { '/pkg/demo/chunks.json.gz': gunzipSync(readFileSync(CHUNK_FILE)) };
  const decompressed = await openDemo(t, { files: plain });
  await decompressed.page.waitForSelector('#results > li');
  await decompressed.quiet();

  const missing = await openDemo(t, { prepare: (_, { fault }) => fault('chunks.json', 'status-404') });
  await missing.page.waitForFunction(() =>
    /could not be read/.test(document.querySelector('#status').textContent),
  );
  await missing.page.waitForSelector('body[data-model=ready]', RANKED);
  await rankOwn(missing.page, 'b', 'a\n\nb');
  await waitForState(missing.page, 'reranked');
});

test('a ranking is timed in parts, and the number of workers is the visitor’s choice', async (t) => {
  const { page, quiet } = await openDemo(t);
  await waitForState(page, 'reranked');
  const split = () =>
    page.$$eval('#split > span', (all) => all.map((part) => Number(part.style.getPropertyValue('--share'))));
  const parts = await split();
  assert.ok(parts.every((ms) => ms >= 0) && parts[1] > 0, String(parts));
  assert.match(await page.textContent('#timings'), /tokenising.*scoring.*rest.*workers.*pairs.*tokens/s);
  const before = (await rows(page)).map(({ chunk, score }) => [chunk, score]);

  await page.selectOption('#workers', '1');
  const one = () => /workers\s*1\D/.test(document.querySelector('#timings').textContent);
  await page.waitForFunction(one, undefined, RANKED);
  assert.deepEqual(
    (await rows(page)).map(({ chunk, score }) => [chunk, score]),
    before,
  );
  assert.equal(page.workers().length, 1);
  await quiet();
});

test('a link brings the same page, own documents only when asked for; the code ranks the same', async (t) => {
  const { page, library, server, quiet } = await openDemo(t);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  const own = 'first </script> document\n\nthe oldest entry is evicted when the cache is full\n\nthird';
  const question = 'what happens when the cache is full';
  await page.selectOption('#workers', '1');
  await rankOwn(page, question, own);
  await waitForState(page, 'reranked');
  const ranked = (await rows(page)).map(({ chunk }) => chunk);
  assert.equal(ranked[0], 1);
  assert.ok(!page.url().includes('evicted'));

  await page.click('#copy-code');
  await page.waitForFunction(() => /JavaScript/.test(document.querySelector('#copied').textContent));
  const code = await copied();
  assert.ok(!code.includes('</script>'));
  const program = code
    .replace(/^import .*$/m, 'const { Reranker } = crossrank;')
    .replace('console.log(ranked)', 'globalThis.ranked = ranked');
  await library.evaluate((source) => new Function(`return (async () => {${source}})()`)(), program);
  assert.deepEqual(await library.evaluate(() => ranked.map(({ index }) => index)), ranked);

  await page.click('#copy-link');
  await page.waitForFunction(() => /^Copied, with/.test(document.querySelector('#copied').textContent));
  const link = await copied();
  const other = await page.context().newPage();
  await other.goto(link);
  await waitForState(other, 'reranked');
  assert.equal(await other.inputValue('#own'), own);
  assert.equal(await other.inputValue('#query'), question);
  assert.equal(await other.inputValue('#workers'), '1');
  assert.deepEqual(
    (await rows(other)).map(({ chunk }) => chunk),
    ranked,
  );
  assert.ok(!server.requests().some((file) => file.includes('evicted')), 'the server has not seen them');
  await page.fill('#own', 'long '.repeat(3000));
  await page.click('#copy-link');
  assert.match(await page.textContent('#copied'), /too long/);
  await quiet();
});

test('offline the page ranks on, and says so', async (t) => {
  const { page, quiet } = await openDemo(t);
  await waitForState(page, 'reranked');
  assert.match(await page.textContent('#offline'), /^Go offline/);
  await page.context().setOffline(true);
  await page.waitForFunction(() => /^You are offline/.test(document.querySelector('#offline').textContent));
  await rankOwn(page, 'b', 'a\n\nb');
  await waitForState(page, 'reranked');
  await page.context().setOffline(false);
  await quiet();
});

for (const [look, options] of Object.entries({
  'a wide screen': {},
  'dark colours': { colorScheme: 'dark' },
  '360 px': { viewport: { width: 360, height: 740 } },
})) {
  test(`axe-core finds nothing: ${look}`, async (t) => {
    const { page } = await openDemo(t, options);
    await page.waitForSelector('#results > li');
    assert.deepEqual(await violations(page), [], 'in search order');
    await waitForState(page, 'reranked');
    // Rows glide to their places; what is in motion has no colour to measure.
    await page.waitForFunction(() => document.getAnimations().length === 0);
    assert.deepEqual(await violations(page), [], 'reranked');
    await rankOwn(page, 'b', 'a\n\nb');
    await waitForState(page, 'reranked');
    assert.deepEqual(await violations(page), [], 'own documents');
  });
}
