// `npm run bench`: sets up what is missing, builds, and measures in Chromium, beside a peer. See benches/README.md.
import { benchGpu } from '../benches/browser/gpu.mjs';
import { bench } from '../benches/browser/main.mjs';
import { readOptions, usage } from '../benches/browser/options.mjs';
import { build } from './build.mjs';
import { script } from './run.mjs';
import { setup } from './setup.mjs';

await script(async () => {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return console.log(usage);
  if (options.build) {
    setup();
    build();
  }
  return await (options.gpu ? benchGpu(options) : bench(options));
});
