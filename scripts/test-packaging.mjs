// `npm run test:packaging`: all projects of tests/packaging/, each with its bundler. Needs the network the first time,
// when bundlers are installed into the cache, and wasm binaries that are built.
import { build, wasmMustBeBuilt } from './build.mjs';
import { run, script, step } from './run.mjs';

await script(() => {
  wasmMustBeBuilt();
  build(['library']);
  step('packaging tests');
  const env = { ...process.env, CROSSRANK_PACKAGING: 'all' };
  const names = process.argv.slice(2).map((name) => `--test-name-pattern=${name}`);
  const files = ['tests/packaging/pack.test.mjs', 'tests/packaging/consumers.test.mjs'];
  run('node', ['--test', '--test-reporter=spec', '--test-concurrency=1', ...names, ...files], { env });
});
