// The picture in the README: the built demo after a ranking. `node scripts/screenshot.mjs` writes docs/images/demo.png.
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { chromiumArgs, findChromium } from './chromium.mjs';
import { demo, root } from './paths.mjs';
import { SetupError, script } from './run.mjs';
import { serve } from './serve.mjs';

/** A question whose answer comes from further down. */
const QUESTION = 'is base64 padding checked when decoding';
const SIZE = { width: 1100, height: 800 };
const TIMEOUT_MS = 180_000;

await script(async () => {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new SetupError('no Chromium found; run "npm run setup"');
  const { url, server } = await serve(demo, 8080);
  const browser = await chromium.launch({ executablePath, args: chromiumArgs });
  try {
    const page = await browser.newPage({ viewport: SIZE, colorScheme: 'light', reducedMotion: 'reduce' });
    await page.goto(`${url}?${new URLSearchParams({ q: QUESTION })}`);
    await page.waitForSelector('body[data-state=reranked]', { timeout: TIMEOUT_MS });
    const file = path.join(root, 'docs/images/demo.png');
    mkdirSync(path.dirname(file), { recursive: true });
    await page.screenshot({ path: file });
    console.log(`${path.relative(root, file)}: ${statSync(file).size} bytes`);
  } finally {
    await browser.close();
    server.close();
  }
});
