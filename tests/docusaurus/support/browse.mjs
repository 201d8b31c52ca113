// Searches a built or started site in Chromium, in the way a reader does, whatever search it has.

import { after, before } from 'node:test';
import { chromium } from 'playwright-core';
import { chromiumArgs, findChromium } from '../../../scripts/chromium.mjs';
import { startServer } from '../../support/server.mjs';
import { aliasesOf } from './sites.mjs';

/** How each search is used: where its field is, and what its results are. */
const SEARCHES = {
  none: {
    async open(page) {
      if (!(await page.getByRole('dialog').isVisible())) {
        await page.getByRole('button', { name: 'Search', exact: true }).click();
      }
      return page.getByRole('combobox');
    },
    results: '[role=option]',
  },
  easyops: {
    open: (page) => page.locator('.navbar__search input'),
    results: '.navbar__search [class*=suggestion_]',
  },
  lunr: {
    open: (page) => page.locator('#search_input_react:enabled'),
    results: '.algolia-docsearch-suggestion',
  },
};

/** A browser for a test file. Returns `open(t, where, options)`, which gives `{ page, context, server, lines }`. */
export function useBrowser() {
  let browser;
  before(async () => {
    browser = await chromium.launch({ executablePath: findChromium(), args: chromiumArgs });
  });
  after(() => browser?.close());

  /** `where`: a build folder, or an origin. `lines`: what crossrank has written to the console, and uncaught errors. */
  return async function open(t, where, { headers, faults = [], script } = {}) {
    const server = where.startsWith('http')
      ? undefined
      : await startServer({ aliases: aliasesOf(where), headers });
    for (const [part, kind] of faults) server.fault(part, kind);
    const context = await browser.newContext();
    if (script) await context.addInitScript(script);
    const page = await context.newPage();
    const lines = [];
    page.on('console', (message) => {
      if (message.text().startsWith('crossrank')) lines.push(message.text());
    });
    page.on('pageerror', (error) => lines.push(`uncaught: ${error.message}`));
    t.after(async () => {
      await context.close();
      await server?.close();
    });
    const origin = server?.origin ?? where;
    return { page, context, server, lines, goto: (path) => page.goto(origin + path, { timeout: 120_000 }) };
  };
}

/** Puts a question into the site's search. */
export async function ask(page, search, question) {
  const field = await SEARCHES[search].open(page);
  await field.click({ timeout: 60_000 });
  await field.fill('');
  await field.pressSequentially(question, { delay: 1 });
}

/** The results as they are drawn, one text each. */
export async function resultsOf(page, search) {
  const texts = await page.locator(SEARCHES[search].results).allInnerTexts();
  return texts.map((text) => text.replace(/[\s\u200b]+/g, ' ').trim());
}

/** Waits until the results are as `wanted` says, and returns them. */
export async function waitForResults(page, search, wanted, timeout = 90_000) {
  const end = Date.now() + timeout;
  for (;;) {
    const results = await resultsOf(page, search);
    if (wanted(results)) return results;
    if (Date.now() > end) throw new Error(`the results stay:\n${results.join('\n')}`);
    await page.waitForTimeout(100);
  }
}

/** The results when they have not changed for two seconds. */
export async function settledResults(page, search) {
  let last = await waitForResults(page, search, (results) => results.length > 0);
  for (;;) {
    await page.waitForTimeout(2000);
    const results = await resultsOf(page, search);
    if (results.length > 0 && results.join('\n') === last.join('\n')) return results;
    last = results;
  }
}

/** The model's state, as the page tells it: idle, loading, ready, basic; null before anything of ours ran. */
export const modelState = (page) => page.evaluate(() => document.documentElement.dataset.crossrank ?? null);

export const waitForModel = (page, state = 'ready') =>
  page.waitForFunction((wanted) => document.documentElement.dataset.crossrank === wanted, state, {
    timeout: 120_000,
  });
