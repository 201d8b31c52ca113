// The demo's device switch, with WebGPU in software: the same order on the CPU and on the GPU.
import assert from 'node:assert/strict';
import { swiftShaderArgs } from '../../scripts/chromium.mjs';
import { useBrowser } from '../support/browser.mjs';
import { test } from '../support/test.mjs';

const open = useBrowser(swiftShaderArgs);
const SLOW = { timeout: 240_000 };

const documents = [
  'The library is open from nine to five on weekdays.',
  'fn open(path: &Path) -> io::Result<File> { File::options().read(true).open(path) }',
  'Bread is baked at two hundred degrees for forty minutes.',
];

test('the switch moves the model to the GPU and back, and the order stays', {
  timeout: 600_000,
}, async (t) => {
  const { page, server } = await open(t);
  await page.goto(server.url('/pkg/demo/index.html'));
  await page.check('[name=source][value=own]');
  await page.fill('#own', documents.join('\n\n'));
  await page.fill('#query', 'open a file in Rust');
  const seen = [];
  for (const [choice, runs] of [
    ['cpu', 'cpu'],
    ['webgpu', 'webgpu'],
    ['auto', 'cpu'], // which leaves software alone
  ]) {
    await page.check(`[name=device][value=${choice}]`);
    await page.waitForSelector(`body[data-device=${runs}][data-state=reranked]`, SLOW);
    seen.push({
      order: await page.$$eval('#results > li', (all) => all.map(({ dataset }) => Number(dataset.chunk))),
      scores: await page.$$eval('#results > li', (all) => all.map(({ dataset }) => Number(dataset.score))),
      why: await page.textContent('#device-why'),
      model: await page.textContent('#model-text'),
    });
  }
  const [cpu, gpu, auto] = seen;
  assert.equal(cpu.order[0], 1);
  assert.deepEqual([gpu.order, auto.order], [cpu.order, cpu.order]);
  assert.notDeepEqual(gpu.scores, cpu.scores, 'another device computed them');
  assert.deepEqual(auto.scores, cpu.scores);
  assert.match(cpu.why, /^Runs on the CPU: device: 'cpu' was asked for\.$/);
  assert.match(gpu.why, /^Runs on the GPU: device: 'webgpu' was asked for\.$/);
  assert.match(gpu.model, /on the GPU, loaded/);
});

test('a browser without WebGPU says so, and another choice brings the list back', async (t) => {
  const { page, server } = await open(t);
  await page.addInitScript(() => {
    Object.defineProperty(Navigator.prototype, 'gpu', { value: undefined });
  });
  await page.goto(server.url('/pkg/demo/index.html'));
  await page.check('[name=device][value=webgpu]');
  await page.waitForSelector('body[data-model=failed]', SLOW);
  assert.match(await page.textContent('#model-text'), /UNSUPPORTED.*no WebGPU/);
  await page.check('[name=device][value=cpu]');
  await page.waitForSelector('body[data-device=cpu][data-state=reranked]', SLOW);
});
