// `npm run gpu-check`: builds, and serves a page that tests and times crossrank on the GPU of whoever opens it.
import { gpuCheckMounts } from '../benches/gpu-check/mounts.mjs';
import { build } from './build.mjs';
import { serveMounts } from './mounts.mjs';
import { script } from './run.mjs';
import { setup } from './setup.mjs';

await script(async () => {
  if (!process.argv.includes('--no-build')) {
    setup({ browser: false });
    build(['wasm', 'library']);
  }
  const { origin } = await serveMounts(gpuCheckMounts, {}, undefined, Number(process.env.PORT) || 8090);
  console.log(`\nOpen ${origin}/check/index.html in a browser with a GPU.\nStop with Ctrl+C.`);
});
