// `npm run gpu-check`: builds, and serves a page that tests and times crossrank on the GPU of whoever opens it.
import path from 'node:path';
import { serveMounts } from '../benches/browser/server.mjs';
import { build } from './build.mjs';
import { root } from './paths.mjs';
import { script } from './run.mjs';
import { setup } from './setup.mjs';

/** What the page needs, and nothing else of the checkout. */
export const gpuCheckMounts = {
  '/check/': path.join(root, 'benches/gpu-check'),
  '/pkg/dist/': path.join(root, 'pkg/dist'),
  '/model/': path.join(root, 'model'),
  '/golden.json': path.join(root, 'tests/fixtures/default/golden.json'),
};

await script(async () => {
  if (!process.argv.includes('--no-build')) {
    setup({ browser: false });
    build(['wasm', 'library']);
  }
  const { origin } = await serveMounts(gpuCheckMounts, Number(process.env.PORT) || 8090);
  console.log(`\nOpen ${origin}/check/index.html in a browser with a GPU.\nStop with Ctrl+C.`);
});
