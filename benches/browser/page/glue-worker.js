// One of our wasm binaries, by name and precision, without the client: what the client would not choose here.

async function start({ glue, precision, model }) {
  const { default: init, ModelLoader } = await import(`/pkg/dist/wasm/${glue}.js`);
  const exports = await init({ module_or_path: fetch(`/pkg/dist/wasm/${glue}_bg.wasm`) });
  const loader = new ModelLoader(
    await bytes(`${model}config.json`),
    await bytes(`${model}tokenizer.json`),
    precision,
  );
  for (const file of await weightFiles(model)) loader.push(await bytes(model + file));
  const session = loader.finish();
  return { session, facts: { wasmBytes: exports.memory.buffer.byteLength } };
}

async function bytes(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Of either folder form. */
async function weightFiles(folder) {
  const response = await fetch(`${folder}manifest.json`);
  if (!response.ok) return ['model.safetensors'];
  return (await response.json()).weights.shards.map(({ path }) => path);
}

async function score(session, pairs) {
  const job = session.begin(pairs.flat(), 0);
  while ((await job.step()) < job.pairs);
  const scores = [...job.scores('identity')];
  job.free();
  return scores;
}

let session;

self.onmessage = async ({ data }) => {
  try {
    if (data.start === undefined) return postMessage({ value: await score(session, data.pairs) });
    const started = await start(data.start);
    session = started.session;
    postMessage({ value: started.facts });
  } catch (error) {
    postMessage({ error: error.message ?? String(error) });
  }
};
