// The real engine on WebGPU, in software: its scores against the CPU's, what a call costs, and that no fault of a GPU
// gets through. CROSSRANK_GPU=full (npm run test:gpu) runs the large counts, which take most of an hour.
import assert from 'node:assert/strict';
import { swiftShaderArgs } from '../../scripts/chromium.mjs';
import { useBrowser } from '../support/browser.mjs';
import { defaultLayers, golden, tinyInt4Folder, tinyInt8Folder } from '../support/models.mjs';
import { test as timed } from '../support/test.mjs';

// A browser takes WebGPU from a site after a few crashes; here they are many, and wanted.
const crashProof = ['--disable-gpu-process-crash-limit', '--disable-domain-blocking-for-3d-apis'];
const open = useBrowser([...swiftShaderArgs, ...crashProof]);
const full = process.env.CROSSRANK_GPU === 'full';
const test = (name, work) => timed(name, { timeout: full ? 7_200_000 : 600_000 }, work);

/** Against the CPU in f32, of the same int8 weights. */
const TOLERANCE = 2e-3;
/** Scores that are closer may change places. */
const TIE = 1e-3;

/** Queries and documents of all lengths: those of the golden pairs. */
const texts = golden('tiny');
const queries = [...new Set(texts.map(({ query }) => query))].filter((query) => query.length < 300);
const documents = texts.map(({ document }) => document);

/** `count` lists of 4 short documents, for what is done many times. */
const shortLists = (count) => {
  const short = documents.filter(({ length }) => length > 0 && length < 150);
  return Array.from({ length: count }, (_, i) => ({
    query: 'where is the file opened',
    documents: Array.from({ length: 4 }, (_, j) => short[(i * 5 + j * 3) % short.length]),
  }));
};

/** `count` lists of 20 documents each, mixed anew for every query. */
const lists = (count) =>
  Array.from({ length: count }, (_, i) => ({
    query: queries[i % queries.length],
    documents: Array.from({ length: 20 }, (_, j) => documents[(i * 7 + j * 11) % documents.length]),
  }));

async function openGpu(t, files, parameters = {}) {
  const opened = await open(t, { files });
  opened.page.on('console', (message) => {
    if (message.type() === 'debug') console.log(message.text());
  });
  await opened.page.evaluate((parameters) => {
    /** A reranker on the GPU in software, whose worker can be counted and made to fail. */
    globalThis.loadGpu = async (model, more = {}) => {
      await load({
        model,
        device: 'webgpu',
        workers: 1,
        idleMs: Number.POSITIVE_INFINITY, // all workers answer when they are counted
        createWorker: createGpuWorker({ adapter: 'real', ...parameters, ...more }),
      });
      return reranker.status;
    };
    /** A reranker on the CPU beside it. */
    globalThis.loadCpu = (model, precision) =>
      crossrank.Reranker.load({ model, device: 'cpu', precision, workers: 1 });
    globalThis.logits = async (reranker, { query, documents }) =>
      Array.from(
        await reranker.predict(
          documents.map((document) => [query, document]),
          { activation: 'identity' },
        ),
      );
  }, parameters);
  return opened;
}

const largest = (a, b) => a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);

/** Whether `scores` put the ten best in the order of `reference`, but for ties. */
function sameTop10(scores, reference) {
  const order = (of) => [...of.keys()].sort((a, b) => of[b] - of[a] || a - b);
  const [ours, theirs] = [order(scores), order(reference)];
  return ours.slice(0, 10).every((place, i) => Math.abs(reference[place] - reference[theirs[i]]) <= TIE);
}

for (const [name, files, model, count] of [
  ['tiny model', tinyInt8Folder, '/tiny8/', 25],
  ['tiny model with words in 4 bits', tinyInt4Folder, '/tiny4/', 5],
  ['one layer of the default model', () => defaultLayers(1, '/layers/', 1000), '/layers/', full ? 25 : 2],
]) {
  test(`${name}: WebGPU gives the CPU's f32 logits, and the same ten best (${20 * count} pairs)`, async (t) => {
    const { page } = await openGpu(t, files());
    const all = lists(count);
    const { gpu, cpu, status } = await page.evaluate(
      async ([model, all]) => {
        await loadGpu(model);
        const reference = await loadCpu(model, 'f32');
        const [gpu, cpu] = [[], []];
        for (const list of all) gpu.push(await logits(reranker, list));
        const { status } = reranker;
        for (const list of all) cpu.push(await logits(reference, list));
        return { gpu, cpu, status };
      },
      [model, all],
    );
    assert.equal(status.device.kind, 'webgpu', status.device.why);
    assert.equal(status.last.device, 'webgpu');
    const worst = Math.max(...gpu.map((scores, i) => largest(scores, cpu[i])));
    t.diagnostic(`max |difference| of ${20 * count} logits: ${worst.toExponential(1)}`);
    assert.ok(worst <= TOLERANCE, String(worst));
    assert.ok(new Set(cpu.flat().map((score) => score.toFixed(3))).size > 5 * count, 'scores differ at all');
    for (const [i, scores] of gpu.entries()) assert.ok(sameTop10(scores, cpu[i]), `list ${i}`);
  });
}

test('after warm-up no pipeline is compiled over 50 calls of all lengths; a batch is one readback', async (t) => {
  const { page } = await openGpu(t, tinyInt8Folder());
  // Lengths from a word to 512 tokens, 1 to 5 pairs.
  const calls = Array.from({ length: 50 }, (_, i) => ({
    query: 'where is the file opened',
    documents: Array.from({ length: 1 + (i % 5) }, (_, j) => documents[(i * 7 + j) % documents.length]),
  }));
  const result = await page.evaluate(async (calls) => {
    await loadGpu('/tiny8/');
    const atLoad = await gpuCounts(2);
    await gpuReset(2);
    let batches = 0;
    for (const call of calls) {
      await logits(reranker, call);
      batches += reranker.status.last.batches;
    }
    return { atLoad, counts: await gpuCounts(2), batches, kind: reranker.status.device.kind };
  }, calls);
  t.diagnostic(JSON.stringify(result));
  assert.equal(result.kind, 'webgpu');
  assert.ok(result.atLoad.pipelines > 0, 'pipelines are counted');
  assert.deepEqual([result.counts.pipelines, result.counts.shaders], [0, 0]);
  assert.equal(result.counts.readbacks, result.batches);
});

test('20 pairs of the shape of L6 are one batch: at most 60 dispatches, one readback', async (t) => {
  const { page } = await openGpu(t, defaultLayers(6));
  const result = await page.evaluate(async () => {
    await loadGpu('/layers/');
    await gpuReset(2);
    const { length } = await logits(reranker, {
      query: 'q',
      documents: Array.from({ length: 20 }, (_, i) => `let a = ${i};`),
    });
    return { length, counts: await gpuCounts(2), last: reranker.status.last };
  });
  t.diagnostic(JSON.stringify(result.counts));
  assert.deepEqual([result.length, result.last.device, result.last.batches], [20, 'webgpu', 1]);
  assert.ok(result.counts.dispatches > 6 && result.counts.dispatches <= 60, JSON.stringify(result.counts));
  assert.equal(result.counts.readbacks, 1);
});

test('an adapter without timestamp-query serves', async (t) => {
  const { page } = await openGpu(t, tinyInt8Folder(), { adapter: 'untimed' });
  const [list] = lists(1);
  const result = await page.evaluate(async (list) => {
    await loadGpu('/tiny8/');
    const scores = await logits(reranker, list);
    return {
      scores,
      reference: await logits(await loadCpu('/tiny8/', 'f32'), list),
      status: reranker.status,
    };
  }, list);
  assert.equal(result.status.last.device, 'webgpu');
  assert.ok(largest(result.scores, result.reference) <= TOLERANCE);
});

test('auto leaves software to the CPU without asking for the GPU binary', async (t) => {
  const { page, server } = await openGpu(t, tinyInt8Folder());
  const status = await page.evaluate(async () => {
    await load({ model: '/tiny8/' });
    await reranker.warmup();
    return reranker.status;
  });
  assert.equal(status.device.kind, 'cpu');
  assert.match(status.device.why, /software/);
  assert.equal(status.device.adapter.architecture, 'swiftshader');
  assert.deepEqual(server.requests('webgpu'), []);
});

test('auto compares a GPU that does not tell that it is software, and leaves it because it is slower', async (t) => {
  const { page } = await openGpu(t, defaultLayers(1));
  const status = await page.evaluate(async () => {
    await load({ model: '/layers/', createWorker: createGpuWorker({ adapter: 'masked' }) });
    const ranked = await reranker.rank('q', ['a', 'b']);
    if (ranked.length !== 2) throw new Error('the CPU served in the meantime');
    await reranker.warmup();
    return reranker.status;
  });
  assert.equal(status.device.kind, 'cpu');
  assert.match(status.device.why, /scores 20 pairs in \d+ ms, the CPU in about \d+ ms/);
});

/** Faults that a GPU was seen to have, or could. `n` varies from trial to trial. */
const faults = {
  noise: (n) => ({ kind: 'nonsense', kernel: n, expression: 'VALUE * 1.25 + 0.5' }),
  zeros: (n) => ({ kind: 'nonsense', kernel: n, expression: 'VALUE * 0.0' }),
  negative: (n) => ({ kind: 'nonsense', kernel: n, expression: '-VALUE' }),
  skip: (n) => ({ kind: 'skip', dispatch: n }),
  stale: () => ({ kind: 'stale' }),
  hang: () => ({ kind: 'hang' }),
};

/** A model on the GPU, calls that go right, a fault, and calls that must go right all the same. Many times. */
async function survive(page, trials, callsOfTrial) {
  return await page.evaluate(
    async ([trials, calls]) => {
      const [f32, int8] = [await loadCpu('/tiny8/', 'f32'), await loadCpu('/tiny8/', 'int8')];
      const expected = [];
      for (const call of calls) expected.push([await logits(f32, call), await logits(int8, call)]);
      const far = (a, b) => a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
      const tally = {
        calls: 0,
        wrong: [],
        rejected: [],
        unnoticed: [],
        onGpu: 0,
        events: 0,
        whys: {},
        pending: 0,
      };
      const check = async (trial, i, fault) => {
        tally.calls += 1;
        tally.pending += 1;
        const { value, error } = await outcome(logits(reranker, calls[i]));
        tally.pending -= 1;
        if (error !== undefined) return tally.rejected.push([trial, fault, error.code]);
        if (reranker.status.last.device === 'webgpu') tally.onGpu += 1;
        const right = far(value, expected[i][0]) <= 2e-3 || far(value, expected[i][1]) <= 1e-4;
        if (!right) tally.wrong.push([trial, fault, i]);
      };
      for (const [trial, fault] of trials.entries()) {
        // After a crash the browser has no adapter for a moment.
        for (let again = 0; (await outcome(loadGpu('/tiny8/'))).error !== undefined; again += 1) {
          if (again === 20) throw new Error('the GPU does not come back');
          await pause(500);
        }
        // So that the fault meets now the one canary, now the other, at this place and that.
        for (let good = 0; good <= trial % 3; good += 1) await check(trial, good, null);
        if (fault.kind === 'crash') await globalThis.crashSoon();
        else await gpuFault(fault);
        await Promise.all(calls.map((_, i) => check(trial, i, fault)));
        const { device } = reranker.status;
        if (device.kind === 'webgpu') tally.unnoticed.push([trial, fault]);
        else tally.whys[device.why] = (tally.whys[device.why] ?? 0) + 1;
        tally.events += changes.length;
        await reranker.dispose();
        const so = `${tally.calls} calls, ${tally.wrong.length} wrong, ${tally.rejected.length} rejected`;
        console.debug(`trial ${trial}, ${so}: ${JSON.stringify(fault)}: ${device.why}`);
      }
      return tally;
    },
    [trials, shortLists(callsOfTrial)],
  );
}

test('no fault of a GPU gets through: all calls are answered, none wrongly', async (t) => {
  const { page } = await openGpu(t, tinyInt8Folder(), { readbackMs: 15_000 });
  const each = (kind, count, step = 1) => Array.from({ length: count }, (_, n) => faults[kind](n * step));
  // A nonsense for each kernel, and dispatches all over a batch left out; else one fault of each kind.
  const trials = full
    ? [...each('noise', 6), ...each('zeros', 3, 2), ...each('negative', 3, 2), ...each('skip', 6, 3)].concat(
        each('stale', 1),
        each('hang', 1),
      )
    : Object.values(faults).map((fault, i) => fault((i + 1) % 6));
  const calls = full ? 50 : 8;
  const tally = await survive(page, trials, calls);
  t.diagnostic(JSON.stringify(tally));
  assert.deepEqual([tally.wrong, tally.rejected, tally.pending], [[], [], 0]);
  assert.ok(tally.calls > trials.length * calls);
  assert.deepEqual(tally.unnoticed, []);
  assert.equal(tally.events, trials.length, 'one event for each');
});

test('a kernel that is wrong from the start, or does not compile, is found at load', async (t) => {
  const { page } = await openGpu(t, tinyInt8Folder());
  for (const [fault, why] of [
    [{ kind: 'nonsense', kernel: 0, expression: 'VALUE * 1.25 + 0.5' }, /known-answer/],
    [{ kind: 'nonsense', kernel: 3, expression: 'VALUE +' }, /GPU/],
  ]) {
    const { error } = await page.evaluate(
      (fault) => outcome(loadGpu('/tiny8/', { fault: JSON.stringify(fault) })),
      fault,
    );
    assert.equal(error?.code, 'GPU_UNTRUSTED', error?.message);
    assert.match(error.message, why);
  }
});

test('device.destroy() in mid-call: the calls are answered by the CPU', async (t) => {
  const { page } = await openGpu(t, tinyInt8Folder());
  const trials = Array.from({ length: full ? 100 : 4 }, (_, i) => ({
    kind: 'destroy',
    dispatch: (i * 7) % 18,
  }));
  const tally = await survive(page, trials, 3);
  t.diagnostic(JSON.stringify(tally));
  assert.deepEqual([tally.wrong, tally.rejected, tally.pending], [[], [], 0]);
  assert.deepEqual([tally.unnoticed, tally.events], [[], trials.length]);
});

test('the GPU process is killed in mid-call: the calls are answered by the CPU', async (t) => {
  const { page, context } = await openGpu(t, tinyInt8Folder());
  const browser = await context.browser().newBrowserCDPSession();
  let killed = 0;
  await page.exposeFunction('crashSoon', () => {
    // Once the calls that follow are under way: each time at another moment of them.
    setTimeout(() => browser.send('Browser.crashGpuProcess').catch(() => {}), 5 * (killed % 10));
    killed += 1;
  });
  const trials = Array.from({ length: full ? 100 : 3 }, () => ({ kind: 'crash' }));
  const tally = await survive(page, trials, 3);
  t.diagnostic(JSON.stringify(tally));
  assert.deepEqual([tally.wrong, tally.rejected, tally.pending], [[], [], 0]);
});
