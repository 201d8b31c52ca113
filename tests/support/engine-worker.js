// A test's own worker around the real wasm module: token ids, segments and logits of pairs at a chosen precision,
// which the client does not expose; or the order of flat pairs. Reads both folder forms.
import init, { ModelLoader } from '/pkg/dist/wasm/crossrank_cpu.js';

const bytes = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());

async function weightFiles(folder) {
  const response = await fetch(`${folder}manifest.json`);
  if (!response.ok) return ['model.safetensors'];
  return (await response.json()).weights.shards.map(({ path }) => path);
}

async function load(folder, precision) {
  await init({ module_or_path: fetch('/pkg/dist/wasm/crossrank_cpu_bg.wasm') });
  const json = [await bytes(`${folder}config.json`), await bytes(`${folder}tokenizer.json`)];
  const loader = new ModelLoader(...json, precision);
  for (const file of await weightFiles(folder)) loader.push(await bytes(folder + file));
  return loader.finish();
}

async function evaluate(session, { query, document, max_length }) {
  const encoded = session.encode(query, document, max_length);
  const job = session.begin([query, document], max_length);
  while ((await job.step()) < job.pairs);
  const [logit] = job.scores('identity');
  job.free();
  return { ids: [...encoded.ids], segments: [...encoded.segments], logit };
}

/** The engine's own order of flat pairs. */
async function orderOf(session, pairs) {
  const job = session.begin(pairs, 0);
  while ((await job.step()) < job.pairs);
  const order = [...job.order('', 0)];
  job.free();
  return order;
}

self.onmessage = async ({ data: { folder, precision, pairs } }) => {
  try {
    const session = await load(folder, precision);
    if (typeof pairs[0] === 'string') return postMessage(await orderOf(session, pairs));
    const results = [];
    for (const pair of pairs) results.push(await evaluate(session, pair));
    postMessage(results);
  } catch (error) {
    postMessage({ error: error.message });
  }
};
