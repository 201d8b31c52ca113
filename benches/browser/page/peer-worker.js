// transformers.js on the same pairs. Default: as its documentation shows, all pairs as one padded batch. Tuned: the
// build of onnxruntime-web that is not made for WebGPU, and one pair at a time, so that nothing is padded. On WebGPU: the
// default, too, with the device and the form of the weights that are asked for.
import {
  AutoModelForSequenceClassification,
  AutoTokenizer,
  env,
} from '/peer/@huggingface/transformers/dist/transformers.min.js';

let tokenizer;
let model;
let batch;

async function start({ tuned, device = 'wasm', dtype = 'q8' }) {
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.localModelPath = '/';
  // Its own default is a CDN; the files are the same.
  const build = `/peer/onnxruntime-web/dist/ort-wasm-simd-threaded${tuned ? '' : '.asyncify'}`;
  env.backends.onnx.wasm.wasmPaths = { mjs: `${build}.mjs`, wasm: `${build}.wasm` };
  if (tuned) env.backends.onnx.wasm.numThreads = 1;
  batch = tuned ? 1 : Number.POSITIVE_INFINITY;
  tokenizer = await AutoTokenizer.from_pretrained('peer-model');
  model = await AutoModelForSequenceClassification.from_pretrained('peer-model', {
    device,
    dtype,
  });
  return {};
}

async function score(pairs) {
  const scores = [];
  for (let at = 0; at < pairs.length; at += batch) {
    const some = pairs.slice(at, at + batch);
    const queries = some.map(([query]) => query);
    const inputs = tokenizer(queries, {
      text_pair: some.map(([, document]) => document),
      padding: true,
      truncation: true,
    });
    const { logits } = await model(inputs);
    scores.push(...logits.data);
  }
  return scores;
}

self.onmessage = async ({ data }) => {
  try {
    postMessage({ value: data.start === undefined ? await score(data.pairs) : await start(data.start) });
  } catch (error) {
    postMessage({ error: error.message ?? String(error) });
  }
};
