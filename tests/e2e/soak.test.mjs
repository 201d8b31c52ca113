// Ten thousand calls on the real engine: every one is answered, and the worker's memory has found its size early.
import assert from 'node:assert/strict';
import { useBrowser } from '../support/browser.mjs';
import { golden, hubFolder } from '../support/models.mjs';
import { test } from '../support/test.mjs';

const open = useBrowser();
const calls = 10_000;

test(`${calls} ranks do not grow wasm memory after the first hundred`, { timeout: 600_000 }, async (t) => {
  const { page } = await open(t, { files: hubFolder() });
  const texts = golden('tiny').map(({ document }) => document.slice(0, 400));
  const result = await page.evaluate(
    async ([calls, texts]) => {
      await load({ model: '/hub/' });
      let [answered, early] = [0, 0];
      for (let call = 0; call < calls; call += 1) {
        // Three documents each, another three every time; the longest ones come round within the first hundred.
        const documents = [0, 1, 2].map((i) => texts[(call * 3 + i) % texts.length]);
        const ranked = await reranker.rank(texts[call % texts.length].slice(0, 80), documents);
        answered += ranked.length === 3 ? 1 : 0;
        if (call === 99) early = reranker.status.memoryBytes;
      }
      return { answered, early, late: reranker.status.memoryBytes };
    },
    [calls, texts],
  );
  assert.equal(result.answered, calls);
  assert.ok(result.early > 0);
  assert.equal(result.late, result.early);
});
