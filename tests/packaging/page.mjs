// Opens the page of a project in Chromium and gives what it left in `globalThis.outcome`, with all that went wrong.
import { chromium } from 'playwright-core';
import { chromiumArgs, findChromium } from '../../scripts/chromium.mjs';

export function launch() {
  const executablePath = findChromium();
  if (!executablePath) throw new Error('No Chromium found. Set CHROME_PATH, or run npm run setup.');
  return chromium.launch({ executablePath, args: chromiumArgs });
}

/** Resolves with { outcome, failures, requests, violations }; `requests` are the URLs that were asked for. */
export async function visit(browser, url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const [failures, requests] = [[], []];
  page.on('pageerror', (error) => failures.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.location().url.endsWith('/favicon.ico'))
      failures.push(`${message.text()} (${message.location().url})`);
  });
  context.on('request', (request) => requests.push(request.url()));
  try {
    await page.goto(url, { timeout: 180_000 });
    await page
      .waitForFunction(() => globalThis.outcome, undefined, { timeout: 180_000 })
      .catch((error) => failures.push(`no outcome: ${error.message}`));
    const { outcome, violations } = await page.evaluate(() => ({
      outcome: globalThis.outcome,
      violations: globalThis.violations,
    }));
    return { outcome, violations, failures, requests };
  } finally {
    await context.close();
  }
}
