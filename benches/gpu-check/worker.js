// The known-answer tests, one by one: what the client's worker only says yes or no to.
import init, { deviceError, knownAnswers, openDevice } from '/pkg/dist/wasm/crossrank_webgpu.js';

async function test({ head }) {
  await init({ module_or_path: fetch('/pkg/dist/wasm/crossrank_webgpu_bg.wasm') });
  const device = await openDevice();
  const begun = performance.now();
  const answers = await knownAnswers(head);
  return { device, ms: performance.now() - begun, answers, deviceError: deviceError() ?? null };
}

self.onmessage = ({ data }) => {
  test(data).then(
    (value) => postMessage({ value }),
    (error) =>
      postMessage({ error: { code: error?.code ?? null, message: String(error?.message ?? error) } }),
  );
};
