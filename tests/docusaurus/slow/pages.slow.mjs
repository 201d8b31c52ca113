// A site of 500 pages: how large its index is, and how long a search in it takes. Times are told, not asserted.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { installDocusaurus } from '../../../scripts/docusaurus.mjs';
import { root } from '../../../scripts/paths.mjs';
import { test } from '../../support/test.mjs';
import { ask, settledResults, useBrowser } from '../support/browse.mjs';
import { readmeSite } from '../support/readmes.mjs';
import { BASE, buildSite, emptySite } from '../support/sites.mjs';

const open = useBrowser();

test('500 pages: the index has at most 300 kB gzip, and is searched', { timeout: 1_200_000 }, async (t) => {
  const files = readmeSite([path.join(root, 'node_modules'), installDocusaurus()], 500);
  const { build, output } = buildSite(emptySite('pages', files), {
    NODE_OPTIONS: '--max-old-space-size=6000',
  });
  t.diagnostic(output.match(/crossrank: index.*/)?.[0]);
  const list = JSON.parse(readFileSync(path.join(build, 'crossrank/index.json'), 'utf8'));
  const [{ file, pages }] = list.indexes;
  assert.equal(list.indexes.length, 1);
  assert.ok(pages >= 490, `${pages} pages`);
  const json = readFileSync(path.join(build, 'crossrank', file));
  const bytes = gzipSync(json).length;
  t.diagnostic(`${bytes} bytes gzip, ${json.length} bytes`);
  assert.ok(bytes <= 300_000 * Math.max(1, pages / 500));

  const { page, goto } = await open(t, build, { faults: [['/crossrank/model-', 'status-404']] });
  await goto(BASE + JSON.parse(json).pages[0][0]);
  await page.waitForLoadState('networkidle');
  // From the click on, with everything fetched from this machine.
  const began = Date.now();
  await ask(page, 'none', 'parse command line arguments');
  await page.locator('[role=option]').first().waitFor();
  t.diagnostic(`${Date.now() - began} ms from the click to the first results, index fetched and built`);
  const results = await settledResults(page, 'none');
  assert.ok(results.some((one) => /command|argument/i.test(one)));
});
