// `npm run test:docusaurus`: every test of docusaurus-plugin-crossrank, those that build and start sites with each
// search and bundler among them. `npm test` runs the others only. A name or a part of one picks tests.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { build, wasmMustBeBuilt } from './build.mjs';
import { buildDocusaurus } from './docusaurus.mjs';
import { root } from './paths.mjs';
import { run, script } from './run.mjs';

await script(() => {
  wasmMustBeBuilt();
  build(['library']);
  buildDocusaurus();
  const folder = 'tests/docusaurus';
  const files = readdirSync(path.join(root, folder), { recursive: true })
    .filter((name) => /\.(test|slow)\.mjs$/.test(name))
    .sort();
  const pick = process.argv.slice(2).flatMap((part) => ['--test-name-pattern', part]);
  run('node', ['--test', '--test-concurrency=1', ...pick, ...files.map((name) => path.join(folder, name))]);
});
