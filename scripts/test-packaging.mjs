// `npm run test:packaging`: all projects of tests/packaging/, each with its bundler. Needs the network the first time,
// when bundlers are installed into the cache, and wasm binaries that are built.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { build } from './build.mjs';
import { dist } from './paths.mjs';
import { run, SetupError, script, step } from './run.mjs';

await script(() => {
  if (!existsSync(path.join(dist, 'wasm'))) throw new SetupError('nothing is built; run "npm run build"');
  build(['library']);
  step('packaging tests');
  const env = { ...process.env, CROSSRANK_PACKAGING: 'all' };
  const names = process.argv.slice(2).map((name) => `--test-name-pattern=${name}`);
  const files = ['tests/packaging/pack.test.mjs', 'tests/packaging/consumers.test.mjs'];
  run('node', ['--test', '--test-reporter=spec', '--test-concurrency=1', ...names, ...files], { env });
});
