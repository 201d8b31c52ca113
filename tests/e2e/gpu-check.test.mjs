// The page of `npm run gpu-check`, with WebGPU in software and a small model: every step has an outcome that can be
// copied, and what software cannot do is an outcome, too.
import assert from 'node:assert/strict';
import { gpuCheckMounts } from '../../benches/gpu-check/mounts.mjs';
import { swiftShaderArgs } from '../../scripts/chromium.mjs';
import { serveMounts } from '../../scripts/mounts.mjs';
import { useBrowser } from '../support/browser.mjs';
import { tinyInt8Folder } from '../support/models.mjs';
import { test } from '../support/test.mjs';

const open = useBrowser(swiftShaderArgs);

test('the check runs every step and says what came of it', { timeout: 300_000 }, async (t) => {
  const { page, context } = await open(t);
  const { origin, close } = await serveMounts(gpuCheckMounts);
  t.after(close);
  for (const [url, body] of Object.entries(tinyInt8Folder('/tiny8/'))) {
    await context.route(`${origin}${url}`, (route) => route.fulfill({ body }));
  }
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin });
  await page.goto(`${origin}/check/index.html?model=/tiny8/&pairs=2`);
  await page.waitForSelector('body[data-state=done]', { timeout: 240_000 });
  await page.click('#copy');
  const copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
  assert.deepEqual(copied, JSON.parse(await page.textContent('#result')));
  const { knownAnswers, agreement, webgpuMs, cpuMs, auto } = copied;
  assert.equal(knownAnswers.device.architecture, 'swiftshader');
  assert.ok(knownAnswers.answers.length >= 5 && knownAnswers.answers.every(({ ok }) => ok));
  assert.equal(knownAnswers.deviceError, null);
  assert.equal(agreement.on, 'webgpu');
  assert.ok(agreement.largestDifference <= 2e-3, JSON.stringify(agreement));
  assert.ok(webgpuMs[1] > 0 && cpuMs[1] > 0);
  assert.equal(auto.kind, 'cpu');
  assert.match(auto.why, /software/);
});
