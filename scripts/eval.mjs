// `npm run eval`: what reranking is worth on a benchmark, measured with the browser package in Chromium.
// See docs/evaluation.md.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { build, wasmMustBeBuilt } from './build.mjs';
import { evaluate } from './evaluate/main.mjs';
import { readOptions, usage } from './evaluate/options.mjs';
import { dist } from './paths.mjs';
import { script } from './run.mjs';

await script(async () => {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return console.log(usage);
  wasmMustBeBuilt();
  if (!existsSync(path.join(dist, 'index.js'))) build(['library']);
  return await evaluate(options);
});
