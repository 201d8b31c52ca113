// A browser with a page of the bench in it, and the process id that /proc is asked about.
import { chromium } from 'playwright-core';
import { chromiumArgs, findChromium } from '../../scripts/chromium.mjs';

const TIMEOUT_MS = 300_000;

/** Starts a browser with a fresh profile, hands `work` its `{ page, pid, version }`, and ends it. `flags`: further ones. */
export async function withBrowser(work, flags = []) {
  // launchServer, because only a server tells its process.
  const server = await chromium.launchServer({
    executablePath: findChromium(),
    args: [...chromiumArgs, ...flags],
  });
  try {
    const browser = await chromium.connect(server.wsEndpoint());
    const page = await browser.newPage();
    page.setDefaultTimeout(TIMEOUT_MS);
    return await work({ page, pid: server.process().pid, version: browser.version() });
  } finally {
    await server.close();
  }
}

/** `page.evaluate` with an end: a promise that stays pending must not hang the run. */
export async function evaluate(page, script, argument, timeoutMs = TIMEOUT_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${timeoutMs / 1000} s`)), timeoutMs);
  });
  try {
    return await Promise.race([page.evaluate(script, argument), late]);
  } finally {
    clearTimeout(timer);
  }
}
