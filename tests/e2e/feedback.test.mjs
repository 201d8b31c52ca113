// The feedback log in a real browser: what it keeps, over reloads and in two tabs, what storage that fails does to it,
// and the way from a click to a training triplet.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { goto, useBrowser } from '../support/browser.mjs';
import { fakeEngine, fakeFolder } from '../support/models.mjs';
import { crossrank } from '../support/native.mjs';
import { test } from '../support/test.mjs';

const open = useBrowser();

/** Gives the page `log`, over the package's own entry. */
const openLog = (page, options) =>
  page.evaluate(async (options) => {
    const { FeedbackLog } = await import('/pkg/dist/feedback/index.js');
    globalThis.FeedbackLog = FeedbackLog;
    globalThis.log = new FeedbackLog(options);
  }, options);

/** The rows of a log, parsed. */
const rowsOf = async (page) => parse(await page.evaluate(() => log.export()));
const parse = (text) => {
  assert.ok(text === '' || text.endsWith('\n'));
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
};

test('it keeps what was shown and done, in order, sends nothing, and is not loaded by the main entry', async (t) => {
  const { page, server } = await open(t);
  assert.deepEqual(server.requests('/feedback/'), []);
  assert.deepEqual(await page.evaluate(() => indexedDB.databases()), []);
  const requested = [];
  await openLog(page);
  assert.deepEqual(await page.evaluate(() => indexedDB.databases()), [], 'nothing is opened unasked');
  page.on('request', (request) => requested.push(request.url()));
  const list = await page.evaluate(() => {
    const documents = ['fn open(path)', { path: 'src/a.rs', title: 'Close', text: 'fn close()' }];
    const list = log.shown('open a file', documents);
    log.click(list, 1);
    log.thumb(list, true);
    log.stars(list, 4);
    log.relevance(list, 0);
    log.relevance(list, 0, false);
    return list;
  });
  const rows = await rowsOf(page);
  assert.ok(rows.every(({ v, at }) => v === 1 && Math.abs(at - Date.now()) < 600_000));
  assert.deepEqual(
    rows.map(({ v, at, ...rest }) => rest),
    [
      {
        type: 'shown',
        id: list,
        query: 'open a file',
        texts: ['fn open(path)', 'src/a.rs\nClose\n\nfn close()'],
      },
      { type: 'click', of: list, place: 1 },
      { type: 'thumb', of: list, up: true },
      { type: 'stars', of: list, stars: 4 },
      { type: 'relevance', of: list, place: 0, relevant: true },
      { type: 'relevance', of: list, place: 0, relevant: false },
    ],
  );
  const status = await page.evaluate(() => log.status());
  const bytes = Buffer.byteLength(await page.evaluate(() => log.export()));
  assert.deepEqual(status, { stored: true, why: null, events: 6, bytes, dropped: 0 });
  assert.deepEqual(requested, []);
});

test('a log outlives the page, and a list can be judged on the next one', async (t) => {
  const { page, server } = await open(t);
  await openLog(page);
  const list = await page.evaluate(async () => {
    const list = log.shown('q', ['a', 'b']);
    await log.status();
    return list;
  });
  await goto(page, server);
  await openLog(page);
  await page.evaluate((list) => log.click(list, 1), list);
  const [shown, click] = await rowsOf(page);
  assert.deepEqual([shown.id, click.of, click.place], [list, list, 1]);
});

test('what is done as the page is left is kept, five times over', async (t) => {
  const { page, server } = await open(t);
  for (let n = 0; n < 5; n++) {
    await openLog(page);
    await page.evaluate(async () => {
      const list = log.shown('q', ['a', 'b']);
      await log.status();
      const link = document.createElement('a');
      link.href = '/page.html?next';
      link.onclick = () => {
        log.click(list, 0);
        log.thumb(list, true);
      };
      link.textContent = 'a';
      document.body.append(link);
    });
    await page.click('a');
    await page.waitForURL('**/page.html?next');
    await goto(page, server);
  }
  await openLog(page);
  assert.deepEqual(
    (await rowsOf(page)).map(({ type }) => type),
    Array.from({ length: 5 }, () => ['shown', 'click', 'thumb']).flat(),
  );
});

test('two tabs that write at once lose nothing, and keep the caps together', async (t) => {
  const { page, server, context } = await open(t);
  const other = await context.newPage();
  await goto(other, server);
  const tabs = [page, other];
  for (const tab of tabs) await openLog(tab, { maxEvents: 300 });
  const write = (name) =>
    Promise.all(
      tabs.map((tab, i) =>
        tab.evaluate(
          async ([name, i]) => {
            for (let n = 0; n < 200; n++) log.shown(`${name} ${i} ${n}`, ['text']);
            await log.status();
          },
          [name, i],
        ),
      ),
    );
  await write('first');
  const rows = await rowsOf(page);
  assert.equal(rows.length, 300);
  assert.deepEqual(await rowsOf(other), rows);
  const status = await page.evaluate(() => log.status());
  assert.deepEqual([status.events, status.dropped], [300, 100]);
  for (const i of [0, 1]) {
    const mine = rows.filter(({ query }) => query.startsWith(`first ${i} `));
    const numbers = mine.map(({ query }) => Number(query.split(' ')[2]));
    const from = 200 - numbers.length;
    assert.deepEqual(
      numbers,
      Array.from(numbers, (_, n) => from + n),
      'the newest, in order',
    );
  }
});

test('the cap in bytes drops the oldest; a row that is too large is dropped alone', async (t) => {
  const { page } = await open(t);
  await openLog(page, { maxBytes: 2000, maxTextChars: 5000 });
  await page.evaluate(() => {
    for (let n = 0; n < 30; n++) log.shown(`query ${n} é`, ['x'.repeat(80)]);
    log.shown('huge', ['x'.repeat(3000)]);
  });
  const text = await page.evaluate(() => log.export());
  const rows = parse(text);
  const status = await page.evaluate(() => log.status());
  assert.ok(
    Buffer.byteLength(text) <= 2000 && Buffer.byteLength(text) > 1700,
    String(Buffer.byteLength(text)),
  );
  assert.deepEqual([status.bytes, status.events], [Buffer.byteLength(text), rows.length]);
  assert.equal(status.dropped, 31 - rows.length);
  assert.equal(rows.at(-1).query, 'query 29 é');
});

test('texts and lists are cut, and half characters do no harm', async (t) => {
  const { page } = await open(t);
  await openLog(page, { maxTextChars: 3, maxTexts: 2 });
  await page.evaluate(() => {
    log.shown('ab😀', [{ body: 'x\ud800y' }, { body: 'abcdef' }, { body: 'not kept' }], {
      text: (d) => d.body,
    });
  });
  const [row] = await rowsOf(page);
  assert.deepEqual([row.query, row.texts], ['ab\ufffd', ['x\ufffdy', 'abc']]);
});

test('clear empties the log for all tabs; logs of other names stay', async (t) => {
  const { page, server, context } = await open(t);
  const other = await context.newPage();
  await goto(other, server);
  for (const tab of [page, other]) await openLog(tab);
  const result = await page.evaluate(async () => {
    const second = new FeedbackLog({ name: 'other-site' });
    second.shown('stays', ['x']);
    log.shown('goes', ['x']);
    await log.clear();
    log.shown('comes', ['x']);
    return [await log.export(), await second.export()];
  });
  assert.deepEqual(
    result.map((text) => parse(text).map(({ query }) => query)),
    [['comes'], ['stays']],
  );
  await other.evaluate(() => log.clear());
  assert.deepEqual(await rowsOf(page), []);
  assert.equal((await page.evaluate(() => log.status())).events, 0);
});

test('a database that is deleted under it is made again', async (t) => {
  const { page } = await open(t);
  await openLog(page);
  const rows = await page.evaluate(async () => {
    log.shown('before', ['x']);
    await log.status();
    await new Promise((resolve, reject) => {
      const request = indexedDB.deleteDatabase('crossrank-feedback');
      request.onsuccess = resolve;
      request.onerror = request.onblocked = reject;
    });
    log.shown('after', ['x']);
    await log.close();
    return log.export();
  });
  assert.deepEqual(
    parse(rows).map(({ query }) => query),
    ['after'],
  );
});

test('a database with room for ten rows: the older half makes room once, later rows wait in memory', async (t) => {
  const { page, server } = await open(t);
  await page.addInitScript(() => {
    globalThis.room = 10;
    const [add, remove] = [IDBObjectStore.prototype.add, IDBCursor.prototype.delete];
    IDBObjectStore.prototype.add = function (row) {
      if (room === 0) throw new DOMException('full', 'QuotaExceededError');
      room -= 1;
      return add.call(this, row);
    };
    IDBCursor.prototype.delete = function () {
      room += 1;
      return remove.call(this);
    };
  });
  await goto(page, server);
  await openLog(page);
  const write = (from, count) =>
    page.evaluate(
      async ([from, count]) => {
        for (let n = from; n < from + count; n++) log.shown(`query ${n}`, ['x']);
        const { events, dropped, stored } = await log.status();
        const numbers = (await log.export()).match(/query \d+/g).map((query) => Number(query.slice(6)));
        return { events, dropped, stored, numbers };
      },
      [from, count],
    );
  const numbers = (from, to) => Array.from({ length: to - from }, (_, i) => from + i);
  assert.deepEqual(await write(0, 10), { events: 10, dropped: 0, stored: true, numbers: numbers(0, 10) });
  assert.deepEqual(await write(10, 5), { events: 10, dropped: 5, stored: true, numbers: numbers(5, 15) });
  assert.deepEqual(await write(15, 15), { events: 25, dropped: 5, stored: false, numbers: numbers(5, 30) });
  await page.evaluate(() => {
    room = 100;
  });
  assert.deepEqual(await write(30, 1), { events: 26, dropped: 5, stored: true, numbers: numbers(5, 31) });
});

test('a full disk: no call fails, rows stay in memory, and are stored when there is room again', async (t) => {
  const { page, server, context } = await open(t);
  await openLog(page, { maxBytes: 8e6, maxTextChars: 100_000 });
  const cdp = await context.newCDPSession(page);
  await cdp.send('Storage.overrideQuotaForOrigin', { origin: server.origin, quotaSize: 400_000 });
  // Not compressible: the disk would not fill with a text of one letter.
  const full = await page.evaluate(async () => {
    globalThis.noise = () =>
      Array.from({ length: 50_000 }, () => Math.random().toString(36)[2] ?? 'x').join('');
    for (let n = 0; n < 30; n++) log.shown(`query ${n}`, [noise()]);
    return { status: await log.status(), text: await log.export() };
  });
  const kept = parse(full.text).map(({ query }) => query);
  assert.equal(kept.at(-1), 'query 29', 'the newest is there, wherever');
  const { events, dropped, stored, why } = full.status;
  assert.deepEqual([events, events + dropped], [kept.length, 30]);
  assert.ok(dropped < 10, `${dropped}: half of what fitted once, not again for each row`);
  if (!stored) assert.match(why, /Quota/);
  await cdp.send('Storage.overrideQuotaForOrigin', { origin: server.origin });
  const after = await page.evaluate(async () => {
    log.shown('after', [noise()]);
    return { status: await log.status(), text: await log.export() };
  });
  assert.deepEqual([after.status.stored, after.status.why], [true, null]);
  assert.equal(after.status.events, parse(after.text).length);
  assert.equal(parse(after.text).at(-1).query, 'after');
});

for (const [name, block] of [
  [
    'blocked (private mode, cookies off)',
    () => {
      IDBFactory.prototype.open = () => {
        throw new DOMException('denied', 'SecurityError');
      };
    },
  ],
  ['absent', () => Object.defineProperty(globalThis, 'indexedDB', { value: undefined })],
  [
    'dumb: neither opens nor fails',
    () => {
      IDBFactory.prototype.open = () => ({});
    },
  ],
]) {
  test(`storage that is ${name}: the log works in memory, under its caps, and says so`, async (t) => {
    const { page, server } = await open(t);
    await page.addInitScript(block);
    await goto(page, server);
    await openLog(page, { maxEvents: 2, maxBytes: 1000 });
    const { status, text } = await page.evaluate(async () => {
      for (const query of ['a', 'b', 'x'.repeat(1000), 'c']) log.shown(query, ['x']);
      const status = await log.status();
      const text = await log.export();
      await log.clear();
      await log.close();
      return { status, text, after: await log.export() };
    });
    assert.deepEqual([status.stored, status.events, status.dropped], [false, 2, 2]);
    assert.match(status.why, /storage failed/);
    assert.deepEqual(
      parse(text).map(({ query }) => query),
      ['b', 'c'],
    );
  });
}

test('wrong arguments are named, and change nothing', async (t) => {
  const { page } = await open(t);
  await openLog(page);
  const errors = await page.evaluate(() => {
    const list = log.shown('q', ['x']);
    const calls = [
      () => new FeedbackLog({ maxEvent: 3 }),
      () => new FeedbackLog({ name: '../x' }),
      () => new FeedbackLog({ maxBytes: 0 }),
      () => log.shown(1, []),
      () => log.shown('q', 'text'),
      () => log.shown('q', [1]),
      () => log.shown('q', ['x'], { txt: 1 }),
      () => log.click('nobody', 0),
      () => log.click(list, -1),
      () => log.click(list, 1.5),
      () => log.click(undefined, 0),
      () => log.thumb(list, 'up'),
      () => log.stars(list, 0),
      () => log.stars(list, 6),
      () => log.relevance(list, 0, 'yes'),
    ];
    return calls.map((call) => {
      try {
        call();
        return 'nothing';
      } catch (error) {
        return error.code;
      }
    });
  });
  assert.deepEqual(
    errors,
    errors.map(() => 'OPTION'),
  );
  assert.equal((await rowsOf(page)).length, 1);
});

test('from a ranking and a click to a training triplet', { timeout: 300_000 }, async (t) => {
  const { page } = await open(t, { ...fakeEngine, files: { ...fakeEngine.files, ...fakeFolder() } });
  await openLog(page);
  const text = await page.evaluate(async () => {
    await load({ model: '/fake/' });
    // The fake's score is the length.
    const documents = ['one', 'three', 'eleven', 'seventeen', 'forty-two', 'a'];
    const show = async (query) => {
      const ranked = await reranker.rank(query, documents);
      return log.shown(
        query,
        ranked.map(({ document }) => document),
      );
    };
    const first = await show('how many');
    log.click(first, 2);
    log.click(first, 0);
    log.stars(await show('what \ud83d is it?'), 5);
    log.thumb(await show('bad'), false);
    return log.export();
  });
  const folder = mkdtempSync(path.join(os.tmpdir(), 'crossrank-feedback-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [log, out] = ['log.jsonl', 'triplets.jsonl'].map((name) => path.join(folder, name));
  writeFileSync(log, text);
  crossrank('mine', log, '--out', out);
  assert.deepEqual(parse(readFileSync(out, 'utf8')), [
    {
      query: 'how many',
      positive_text: 'eleven',
      negative_texts: ['seventeen', 'forty-two', 'three', 'one'],
      positive_rank: 3,
      signal: 'click',
    },
    {
      query: 'what \ufffd is it?',
      positive_text: 'seventeen',
      negative_texts: ['forty-two', 'eleven', 'three', 'one'],
      positive_rank: 1,
      signal: 'thumb',
    },
  ]);
});
