// One Chromium for a test file, a fresh context for each test.
import { after, before } from 'node:test';
import { chromium } from 'playwright-core';
import { chromiumArgs, findChromium } from '../../scripts/chromium.mjs';
import { startServer } from './server.mjs';

/**
 * Call once at the top of a test file, with further flags for the browser. Returns `open(t, options)`, which gives
 * `{ page, context, server }`.
 */
export function useBrowser(flags = []) {
  let browser;
  before(async () => {
    const executablePath = findChromium();
    if (!executablePath) throw new Error('No Chromium found. Set CHROME_PATH, or run npm run setup.');
    browser = await chromium.launch({ executablePath, args: [...chromiumArgs, ...flags] });
  });
  after(() => browser?.close());

  return async function open(t, options = {}) {
    const server = await startServer(options);
    const context = await browser.newContext();
    const page = await context.newPage();
    t.after(async () => {
      await context.close();
      await server.close();
    });
    await goto(page, server);
    return { page, context, server };
  };
}

/** Opens (or reopens) the test page and waits until its helpers are there. */
export async function goto(page, server) {
  await page.goto(server.url());
  await page.waitForFunction(() => globalThis.ready === true, undefined, { timeout: 15_000 });
}
