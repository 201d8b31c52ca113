// Loading a model: the two folder forms, the cache, progress, and what happens when the network or a file is bad.
import assert from 'node:assert/strict';
import { goto, useBrowser } from '../support/browser.mjs';
import { fakeEngine, fakeFolder, hubFolder, projectFolder } from '../support/models.mjs';
import { STRICT_CSP } from '../support/server.mjs';
import { test } from '../support/test.mjs';

const open = useBrowser();
const models = { ...projectFolder(), ...hubFolder() };
const isModelFile = (path) => /^\/(project|hub|fake)\//.test(path);
const fake = { ...fakeEngine, files: { ...fakeEngine.files, ...fakeFolder() } };

const loadIn = (page, options) => page.evaluate((o) => outcome(load(o)), options);
const rankIn = (page) =>
  page.evaluate(() => reranker.rank('open a file', ['fn close()', 'fn open(path)', 'x']));

for (const [model, id, verified, dtype] of [
  ['/project/', 'tiny-test', true, 'float32'],
  ['/hub', 'hub', false, 'f32'],
]) {
  test(`${model}: the first load fetches each file once, the second none, and offline works`, async (t) => {
    const { page, server, context } = await open(t, { files: models });
    const first = await loadIn(page, { model });
    assert.equal(first.error, undefined);
    const ranked = await rankIn(page);
    const asked = server.requests().filter(isModelFile);
    const expected = Object.keys(models).filter((path) => path.startsWith(model));
    if (model === '/hub') expected.push('/hub/manifest.json');
    assert.deepEqual([...asked].sort(), expected.sort());
    const size = expected.reduce((sum, path) => sum + (models[path]?.length ?? 0), 0);
    const listed = model === '/hub' ? size : size - models['/project/manifest.json'].length;
    assert.equal(first.value.bytes.model, listed);
    assert.equal(first.value.bytes.downloaded, listed);
    assert.equal(first.value.cached, true);
    assert.equal(first.value.verified, verified);
    assert.deepEqual([first.value.model.id, first.value.model.dtype], [id, dtype]);

    server.forget();
    await goto(page, server);
    assert.equal(await page.evaluate((m) => crossrank.Reranker.isCached(m), model), true);
    const second = await loadIn(page, { model });
    assert.deepEqual(await rankIn(page), ranked);
    assert.deepEqual(server.requests().filter(isModelFile), []);
    assert.equal(second.value.bytes.downloaded, 0);
    assert.equal(second.value.cached, true);
    assert.ok(await page.evaluate(() => events.every(({ phase }) => phase !== 'download')));

    await context.setOffline(true);
    await goto(page, server);
    assert.equal((await loadIn(page, { model })).error, undefined);
    assert.deepEqual(await rankIn(page), ranked);
  });

  test(`${model}: progress names the phases in order, never falls, and ends at 100 %`, async (t) => {
    const { page } = await open(t, { files: models });
    const { value } = await loadIn(page, { model });
    const events = await page.evaluate(() => events);
    const phases = events.map(({ phase }) => phase).filter((phase, i, all) => phase !== all[i - 1]);
    assert.deepEqual(phases, ['download', 'verify', 'compile', 'warm-up']);
    for (const [i, event] of events.entries()) {
      const before = events[i - 1];
      assert.ok(event.total === null || event.loaded <= event.total, JSON.stringify(event));
      assert.ok(event.progress < 1 || i === events.length - 1, 'complete only at the end');
      if (before === undefined) continue;
      assert.ok(event.progress >= before.progress, JSON.stringify([before, event]));
      if (event.phase === before.phase)
        assert.ok(event.loaded >= before.loaded, JSON.stringify([before, event]));
    }
    const last = events.at(-1);
    assert.deepEqual([last.progress, last.loaded, last.total], [1, value.bytes.model, value.bytes.model]);
  });
}

test('two tabs that load at once fetch each file once', async (t) => {
  const { page, server, context } = await open(t, fake);
  server.fault('/fake/model-', 'slow', 2);
  const other = await context.newPage();
  await goto(other, server);
  const loads = [page, other].map((tab) => loadIn(tab, { model: '/fake/' }));
  const states = (await Promise.all(loads)).map(({ value }) => value?.cached);
  assert.deepEqual(states, [true, true]);
  const asked = server.requests('/fake/').filter((path) => !path.endsWith('manifest.json'));
  assert.equal(new Set(asked).size, 7);
  assert.equal(asked.length, 7, asked.join());
});

test('a tab that closes in mid-download leaves the file to the next', async (t) => {
  const { page, server, context } = await open(t, fake);
  server.fault('/fake/model-003.bin', 'stall', 1);
  const other = await context.newPage();
  await goto(other, server);
  await other.evaluate(() => {
    load({ model: '/fake/' }).catch(() => {});
  });
  while (server.requests('model-003').length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  const loading = loadIn(page, { model: '/fake/' });
  const aborted = await page.evaluate(() => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 100);
    return outcome(crossrank.Reranker.load({ model: '/fake/', signal: controller.signal }));
  });
  assert.equal(aborted.error?.code, 'ABORTED', 'who waits for another tab can still be aborted');
  await other.close();
  assert.equal((await loading).value?.state, 'ready');
});

test('cache: false stores nothing', async (t) => {
  const { page } = await open(t, fake);
  const { value } = await loadIn(page, { model: '/fake/', cache: false });
  assert.equal(value.cached, false);
  const keys = await page.evaluate(() => caches.keys());
  assert.deepEqual(keys, []);
});

test('isCached and clearCache: one model, and all of them', async (t) => {
  const { page, server } = await open(t, { ...fake, files: { ...fake.files, ...fakeFolder('/other/') } });
  const result = await page.evaluate(async () => {
    const { isCached, clearCache } = crossrank.Reranker;
    const both = async () => [await isCached('/fake/'), await isCached('/other')];
    const seen = [await both()];
    await load({ model: '/fake/' });
    seen.push(await both());
    await load({ model: '/other/' });
    seen.push(await both());
    await clearCache('/fake/');
    seen.push(await both());
    await clearCache();
    seen.push(await both());
    return seen;
  });
  assert.deepEqual(result, [
    [false, false],
    [true, false],
    [true, true],
    [false, true],
    [false, false],
  ]);
  server.forget();
  await loadIn(page, { model: '/fake/' });
  assert.equal(server.requests().filter(isModelFile).length, 8, 'no copy is left in the HTTP cache either');
});

test('a download of one big file that ends half-way leaves no entry', async (t) => {
  const { page, server } = await open(t, { files: models });
  server.fault('model.safetensors', 'drop');
  const { error } = await loadIn(page, { model: '/hub/' });
  assert.equal(error?.code, 'NETWORK');
  const kept = await page.evaluate(async () => {
    const keys = await (await caches.open('crossrank-v1')).keys();
    return keys.map(({ url }) => new URL(url).pathname).sort();
  });
  assert.deepEqual(kept, ['/hub/config.json', '/hub/tokenizer.json']);
  server.heal();
  assert.equal((await loadIn(page, { model: '/hub/' })).value?.cached, true);
});

for (const [damage, change] of [
  ['one byte changed', 'flip'],
  ['one byte cut', 'cut'],
  ['nothing left', 'empty'],
]) {
  test(`a cached shard with ${damage} is fetched again, and nothing else`, async (t) => {
    const { page, server } = await open(t, { files: models });
    await loadIn(page, { model: '/project/' });
    const ranked = await rankIn(page);
    await damageCached(page, '/project/model-001.bin', change);
    server.forget();
    const { value } = await loadIn(page, { model: '/project/' });
    assert.deepEqual(server.requests().filter(isModelFile), ['/project/model-001.bin']);
    assert.deepEqual(await rankIn(page), ranked);
    assert.equal(value.cached, true);
    server.forget();
    await loadIn(page, { model: '/project/' });
    assert.deepEqual(server.requests().filter(isModelFile), [], 'the repaired shard is kept');
  });
}

test('a damaged cached copy of a Hugging Face folder is fetched again', async (t) => {
  const { page, server } = await open(t, { files: models });
  await loadIn(page, { model: '/hub/' });
  const ranked = await rankIn(page);
  await damageCached(page, '/hub/model.safetensors', 'cut');
  server.forget();
  const { error } = await loadIn(page, { model: '/hub/' });
  assert.equal(error, undefined);
  assert.ok(server.requests('/hub/model.safetensors').length === 1);
  assert.deepEqual(await rankIn(page), ranked);
});

test('a new version on the server replaces a cached manifest whose shards are gone', async (t) => {
  const { page, server } = await open(t, { files: projectFolder('/project/', 100_000) });
  await loadIn(page, { model: '/project/' });
  const ranked = await rankIn(page);
  Object.assign(server.files, projectFolder('/project/', 90_000));
  assert.equal(
    (await loadIn(page, { model: '/project/' })).value.bytes.downloaded,
    0,
    'the kept version is used',
  );
  await damageCached(page, '/project/model-002.bin', 'empty');
  const { error, value } = await loadIn(page, { model: '/project/' });
  assert.equal(error, undefined);
  assert.ok(value.bytes.downloaded > 0);
  assert.deepEqual(await rankIn(page), ranked);
});

test('a full disk: it works uncached and leaves no partial entry', async (t) => {
  const { page, server, context } = await open(t, { files: models });
  const cdp = await context.newCDPSession(page);
  await cdp.send('Storage.overrideQuotaForOrigin', { origin: server.origin, quotaSize: 200_000 });
  const { value } = await loadIn(page, { model: '/hub/' });
  assert.equal(value.cached, false);
  assert.equal((await rankIn(page)).length, 3);
  assert.equal(await page.evaluate(() => crossrank.Reranker.isCached('/hub/')), false);
  const weights = await page.evaluate(async () => {
    const keys = await (await caches.open('crossrank-v1')).keys();
    return keys.filter(({ url }) => url.includes('safetensors')).length;
  });
  assert.equal(weights, 0);
});

test('a page without Cache API and without crypto.subtle (insecure) works, unverified', async (t) => {
  const { page, server } = await open(t, fake);
  await page.addInitScript(() => {
    Object.defineProperty(globalThis, 'caches', { value: undefined });
    Object.defineProperty(crypto, 'subtle', { value: undefined });
  });
  await goto(page, server);
  const { value } = await loadIn(page, { model: '/fake/' });
  assert.deepEqual([value.cached, value.verified], [false, false]);
  assert.equal(await page.evaluate(() => crossrank.Reranker.isCached('/fake/')), false);
});

// Faults that end the load: [file, fault, code, what the message must say].
for (const [file, kind, code, says] of [
  ['model-003.bin', 'status-404', 'NETWORK', /model-003\.bin answered with status 404/],
  ['model-003.bin', 'html', 'INTEGRITY', /index\.html for missing files/],
  ['model-003.bin', 'truncated', 'INTEGRITY', /999 instead of 1000/],
  ['model-003.bin', 'too-long', 'INTEGRITY', /more than the 1000 bytes/],
  ['model-003.bin', 'corrupt', 'INTEGRITY', /sha256/],
  ['config.json', 'corrupt', 'INTEGRITY', /config\.json has wrong bytes/],
  ['model-003.bin', 'status-500', 'NETWORK', /status 500/],
  ['model-003.bin', 'drop', 'NETWORK', /could not be fetched/],
  ['_bg.wasm', 'status-404', 'NETWORK', /crossrank_cpu_relaxed_bg\.wasm answered with status 404/],
  ['_bg.wasm', 'html', 'INTEGRITY', /HTML/],
  ['_bg.wasm', 'truncated', 'UNSUPPORTED', /did not compile/],
  ['crossrank_cpu_relaxed.js', 'status-404', 'WORKER_START', /wasm glue could not be loaded/],
  ['worker.js', 'status-404', 'WORKER_START', /\/pkg\/dist\/worker\.js/],
  ['worker.js', 'html', 'WORKER_START', /\/pkg\/dist\/worker\.js/],
]) {
  test(`${file} with the fault ${kind} gives ${code}; it is not remembered, and a later load works`, async (t) => {
    const { page, server } = await open(t, { ...fake, headers: { 'cache-control': 'no-store' } });
    server.fault(file, kind);
    const { error } = await loadIn(page, { model: '/fake/' });
    assert.equal(error?.code, code, JSON.stringify(error));
    assert.match(error.message, says);
    assert.equal(error.retryable, code === 'NETWORK');
    server.heal();
    const { value } = await loadIn(page, { model: '/fake/' });
    assert.equal(value?.state, 'ready');
  });
}

// Faults that a load survives: [file, fault, times].
for (const [file, kind, times] of [
  ['model-002.bin', 'drop', 2],
  ['model-002.bin', 'status-500', 2],
  ['model-002.bin', 'corrupt', 1],
  ['manifest.json', 'status-500', 1],
  ['model.safetensors', 'drop', 1],
  ['model.safetensors', 'no-length', 1],
  ['_bg.wasm', 'wrong-mime', 1],
  ['model', 'text-plain', 100],
]) {
  test(`${file} with the fault ${kind} ${times} times is survived`, async (t) => {
    const { page, server } = await open(t, { files: models });
    const model = file.endsWith('safetensors') ? '/hub/' : '/project/';
    server.fault(file, kind, times);
    const { value, error } = await loadIn(page, { model });
    assert.equal(error, undefined);
    assert.equal(value.cached, true);
    server.heal();
    const faulty = await rankIn(page);
    await page.evaluate(() => crossrank.Reranker.clearCache());
    await loadIn(page, { model });
    assert.deepEqual(faulty, await rankIn(page), 'the same bytes reached the engine');
    const progress = await page.evaluate(() => events.map((event) => event.progress));
    assert.ok(progress.every((share, i) => i === 0 || share >= progress[i - 1]));
  });
}

for (const [name, files, code, says] of [
  [
    'a config that the engine refuses',
    fakeFolder('/m/', '"invalid"'),
    'MODEL_INVALID',
    /config\.json: invalid/,
  ],
  [
    'a config that breaks the engine',
    fakeFolder('/m/', '"trap"'),
    'MODEL_INVALID',
    /broke while it read the model/,
  ],
  ['a manifest that is not JSON', { '/m/manifest.json': '{' }, 'MODEL_INVALID', /not JSON/],
  [
    'a manifest of another format',
    { '/m/manifest.json': '{"format":"x"}' },
    'MODEL_INVALID',
    /format is not/,
  ],
  ['an empty folder', {}, 'NETWORK', /\/m\/config\.json answered with status 404/],
  [
    'a config.json above the cap',
    { '/m/config.json': Buffer.alloc(2 ** 20 + 1) },
    'LIMIT',
    /MAX_CONFIG_BYTES/,
  ],
]) {
  test(`${name} gives ${code}`, async (t) => {
    const { page } = await open(t, { ...fakeEngine, files: { ...fakeEngine.files, ...files } });
    const { error } = await loadIn(page, { model: '/m/' });
    assert.equal(error?.code, code, JSON.stringify(error));
    assert.match(error.message, says);
    assert.equal(await page.evaluate(() => crossrank.Reranker.isCached('/m/')), false);
  });
}

test('a damaged file of the default model gives INTEGRITY, and the next load fetches only what is missing', async (t) => {
  const { page, server } = await open(t, fakeEngine);
  server.fault('/crossrank-model-code/model-001.bin', 'corrupt');
  const { error } = await page.evaluate(() => outcome(load()));
  assert.equal(error?.code, 'INTEGRITY', JSON.stringify(error));
  assert.match(error.message, /model-001\.bin/);
  server.heal();
  server.forget();
  const { value } = await page.evaluate(() => outcome(load()));
  assert.equal(value?.cached, true);
  assert.ok(server.requests('/crossrank-model-code/model-001.bin').length === 1);
  assert.deepEqual(
    server.requests('/crossrank-model-code/config.json'),
    [],
    'what had arrived whole was kept',
  );
  assert.equal(await page.evaluate(() => crossrank.Reranker.isCached()), true);
});

test('without the model package beside it, load gives MODEL_MISSING before anything is started, and a named model loads', async (t) => {
  const { page, server } = await open(t, fake);
  server.fault('/crossrank-model-code/index.js', 'status-404');
  server.forget();
  const { error } = await page.evaluate(() => outcome(load()));
  assert.equal(error?.code, 'MODEL_MISSING', JSON.stringify(error));
  assert.ok(error.message.includes(server.url('/crossrank-model-code/index.js')), error.message);
  assert.match(error.message, /npm install crossrank-model-code/);
  assert.deepEqual(server.requests(), ['/crossrank-model-code/index.js']);
  const { value } = await page.evaluate(() => outcome(load({ model: '/fake/' })));
  assert.equal(value?.state, 'ready');
});

test('an abort before and during the load rejects at once and ends the download and the worker', async (t) => {
  const { page, server } = await open(t, fake);
  const early = await page.evaluate(() => outcome(load({ model: '/fake/', signal: AbortSignal.abort() })));
  assert.equal(early.error.code, 'ABORTED');
  assert.deepEqual(server.requests('/fake/'), []);

  server.fault('model-003.bin', 'stall');
  const during = await page.evaluate(async () => {
    const controller = new AbortController();
    const loading = outcome(load({ model: '/fake/', createWorker, signal: controller.signal }));
    await pause(500);
    const seen = events.length;
    controller.abort('changed my mind');
    const result = await loading;
    const alive = await Promise.race([
      new Promise((resolve) => {
        workers[0].onmessage = () => resolve('alive');
        workers[0].postMessage({ v: 3, id: 999, type: 'hello' });
      }),
      pause(300),
    ]);
    return { ...result, seen, alive };
  });
  assert.equal(during.error.code, 'ABORTED');
  assert.equal(during.error.cause, 'changed my mind');
  assert.ok(during.seen > 0, 'it was under way');
  assert.equal(during.alive, undefined);

  server.heal();
  const late = await page.evaluate(async () => {
    const controller = new AbortController();
    await load({ model: '/fake/', signal: controller.signal });
    controller.abort();
    return await outcome(reranker.rank('q', ['a']));
  });
  assert.equal(late.value.length, 1, 'after the load its signal means nothing');
});

for (const kind of ['terminate', 'error']) {
  test(`a worker that ends during the load (${kind}) rejects it, though the download stands still`, async (t) => {
    const { page, server } = await open(t, fake);
    server.fault('model-003.bin', 'stall');
    const { error } = await page.evaluate(async (kind) => {
      const loading = outcome(load({ model: '/fake/', createWorker }));
      // The download is under way before the worker is. It has answered: it lives.
      while (workers.length === 0) await pause(10);
      const answered = new Promise((resolve) => workers[0].addEventListener('message', resolve));
      while (!events.some(({ loaded }) => loaded >= 2000)) await pause(10);
      await answered;
      await pause(100);
      kills[kind](workers[0]);
      return await loading;
    }, kind);
    assert.equal(error?.code, 'WORKER_LOST');
  });
}

test('a worker that is blocked by worker-src gives WORKER_START', async (t) => {
  const csp = "script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'";
  const { page } = await open(t, { ...fake, headers: { 'content-security-policy': csp } });
  const { error } = await loadIn(page, { model: '/fake/' });
  assert.equal(error?.code, 'WORKER_START');
  assert.match(error.message, /worker\.js/);
});

test("without 'wasm-unsafe-eval' the error names it", async (t) => {
  const { page } = await open(t, { ...fake, headers: { 'content-security-policy': "default-src 'self'" } });
  const { error } = await loadIn(page, { model: '/fake/' });
  assert.equal(error?.code, 'UNSUPPORTED');
  assert.match(error.message, /wasm-unsafe-eval/);
});

test('under a strict CSP as header on page and worker, loading and ranking work without a violation', async (t) => {
  const { page, server } = await open(t, {
    files: models,
    headers: { 'content-security-policy': STRICT_CSP },
  });
  await page.evaluate(() => {
    globalThis.violations = [];
    document.addEventListener('securitypolicyviolation', (event) => violations.push(event.violatedDirective));
  });
  const { error } = await loadIn(page, { model: '/project/' });
  assert.equal(error, undefined);
  assert.equal((await rankIn(page)).length, 3);
  assert.deepEqual(await page.evaluate(() => violations), []);
  assert.ok(server.requests('_bg.wasm').length > 0);
});

test('a browser without WebAssembly SIMD, or without WebAssembly, gives UNSUPPORTED before any request', async (t) => {
  const { page, server } = await open(t, fake);
  const errors = await page.evaluate(async () => {
    const { validate } = WebAssembly;
    WebAssembly.validate = () => false;
    const noSimd = await outcome(load({ model: '/fake/' }));
    WebAssembly.validate = validate;
    const whole = globalThis.WebAssembly;
    delete globalThis.WebAssembly;
    const none = await outcome(load({ model: '/fake/' }));
    globalThis.WebAssembly = whole;
    return [noSimd.error, none.error];
  });
  for (const error of errors) {
    assert.equal(error?.code, 'UNSUPPORTED');
    assert.match(error.message, /SIMD/);
  }
  assert.deepEqual(server.requests('/fake/'), []);
});

test('wasmUrl names the folder of the binaries, with or without a slash', async (t) => {
  const name = 'crossrank_cpu_relaxed_bg.wasm';
  const aliases = { [`/else/where/${name}`]: `pkg/dist/wasm/${name}` };
  const { page, server } = await open(t, { aliases, files: models });
  for (const wasmUrl of ['/else/where', '/else/where/', new URL('/else/where', server.origin).href]) {
    const { error } = await loadIn(page, { model: '/project/', wasmUrl });
    assert.equal(error, undefined);
    assert.equal((await rankIn(page)).length, 3);
  }
  assert.deepEqual(server.requests('/pkg/dist/wasm/crossrank_cpu_relaxed_bg.wasm'), []);
  for (const wasmUrl of [`/else/where/${name}`, 'http://[']) {
    const { error } = await loadIn(page, { model: '/project/', wasmUrl });
    assert.equal(error?.code, 'OPTION');
    assert.match(error.message, /folder/);
  }
});

test('a browser without relaxed SIMD gets the other binary, and asks for no more than that', async (t) => {
  const { page, server } = await open(t, { files: models });
  // What such a browser answers: the probe of relaxed SIMD has the opcode 0x113.
  server.files['/no-relaxed.js'] = `
    const { validate } = WebAssembly;
    WebAssembly.validate = (bytes) => !bytes.join().includes('253,147,2') && validate(bytes);`;
  server.files['/old-browser.js'] = "import '/no-relaxed.js'; import '/pkg/dist/worker.js';";
  const { value } = await page.evaluate(() =>
    outcome(
      load({
        model: '/project/',
        createWorker: () => new Worker('/old-browser.js', { type: 'module' }),
      }),
    ),
  );
  assert.equal(value.device.simd, 'simd128');
  assert.equal((await rankIn(page)).length, 3);
  assert.deepEqual(server.requests('relaxed_bg.wasm'), []);
});

test('createWorker that throws, and a listener of progress that throws', async (t) => {
  const { page } = await open(t, fake);
  const result = await page.evaluate(async () => {
    const createWorker = () => {
      throw new Error('no worker today');
    };
    const noWorker = await outcome(load({ model: '/fake/', createWorker }));
    const reported = new Promise((resolve) =>
      addEventListener('error', (e) => resolve(e.message), { once: true }),
    );
    const onProgress = () => {
      throw new Error('listener');
    };
    const loaded = await outcome(load({ model: '/fake/', onProgress }));
    return { noWorker, loaded, reported: await reported };
  });
  assert.equal(result.noWorker.error.code, 'WORKER_START');
  assert.match(result.noWorker.error.message, /no worker today/);
  assert.equal(result.loaded.error, undefined);
  assert.match(result.reported, /listener/);
});

/** Rewrites the body of a cached file. */
async function damageCached(page, path, change) {
  const found = await page.evaluate(
    async ([path, body]) => {
      const store = await caches.open('crossrank-v1');
      const key = (await store.keys()).find(({ url }) => new URL(url).pathname === path);
      if (key === undefined) return false;
      const bytes = new Uint8Array(await (await store.match(key)).arrayBuffer());
      const changes = {
        cut: () => bytes.slice(0, -1),
        empty: () => new Uint8Array(),
        flip: () => {
          bytes[bytes.length >> 1] ^= 1;
          return bytes;
        },
      };
      await store.put(key, new Response(changes[body]()));
      return true;
    },
    [path, change],
  );
  assert.ok(found, `${path} was in the cache`);
}
