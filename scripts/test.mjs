// `npm test`: sets up what is missing, builds, then checks and tests everything. Stops at the first failure.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { build } from './build.mjs';
import { buildDocusaurus } from './docusaurus.mjs';
import { cargoEnv, root } from './paths.mjs';
import { run, script, step } from './run.mjs';
import { setup } from './setup.mjs';

const cargo = (...args) => run('cargo', args, { env: cargoEnv() });
const tool = (name, ...args) => run(path.join(root, 'node_modules/.bin', name), args);

await script(() => {
  setup();

  step('format and lint');
  cargo('fmt', '--all', '--check');
  tool('biome', 'ci', '.');

  build();
  buildDocusaurus();

  step('clippy');
  cargo('clippy', '--locked', '--features', 'cli', '--all-targets', '--', '-D', 'warnings');

  step('native tests');
  cargo('test', '--locked', '--features', 'cli');

  step('TypeScript and browser tests');
  run('node', ['--test', '--test-concurrency=1', ...testFiles('tests')]);
});

/** Every *.test.mjs below `folder`, in order. */
function testFiles(folder) {
  const found = readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.mjs'))
    .map((entry) => path.join(path.relative(root, entry.parentPath), entry.name))
    .sort();
}
