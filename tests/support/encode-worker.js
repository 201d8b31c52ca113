// A test's own worker around the real wasm module: token ids and segments of pairs, which the client does not expose.
import init, { ModelLoader } from '/pkg/dist/wasm/crossrank_cpu.js';

const bytes = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());

self.onmessage = async ({ data: { folder, pairs } }) => {
  await init({ module_or_path: fetch('/pkg/dist/wasm/crossrank_cpu_bg.wasm') });
  const loader = new ModelLoader(await bytes(`${folder}config.json`), await bytes(`${folder}tokenizer.json`));
  loader.push(await bytes(`${folder}model.safetensors`));
  const session = loader.finish();
  postMessage(
    pairs.map(({ query, document, max_length }) => {
      const encoded = session.encode(query, document, max_length);
      return { ids: [...encoded.ids], segments: [...encoded.segments] };
    }),
  );
};
