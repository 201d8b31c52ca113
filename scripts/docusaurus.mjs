// Builds the package in docusaurus/: installs what it is written and tested against into the cache, then compiles
// its TypeScript to docusaurus/lib. `node scripts/docusaurus.mjs`
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { cache, root, sha256 } from './paths.mjs';
import { must, run, script, step } from './run.mjs';

export const pluginRoot = path.join(root, 'docusaurus');

/** Everything in `dependencies` and `devDependencies` of docusaurus/package.json, in a folder named by that list. */
export function installDocusaurus() {
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(path.join(pluginRoot, 'package.json'), 'utf8'),
  );
  const wanted = JSON.stringify({ private: true, dependencies: { ...dependencies, ...devDependencies } });
  const home = path.join(cache, `docusaurus-${sha256(wanted).slice(0, 12)}`);
  const modules = path.join(home, 'node_modules');
  if (!existsSync(path.join(home, 'installed'))) {
    step(`Docusaurus and the search plugins (kept in ${home})`);
    const fresh = `${home}.${process.pid}`;
    mkdirSync(fresh, { recursive: true });
    writeFileSync(path.join(fresh, 'package.json'), wanted);
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--legacy-peer-deps'];
    must('npm', ['install', ...flags], 'Docusaurus cannot be installed', { cwd: fresh });
    rmSync(home, { recursive: true, force: true });
    renameSync(fresh, home);
    writeFileSync(path.join(home, 'installed'), '');
  }
  link(modules, path.join(pluginRoot, 'node_modules'));
  return modules;
}

/** Compiles docusaurus/src, once for Node and once for browsers. */
export function buildDocusaurus() {
  installDocusaurus();
  const stamp = path.join(root, 'pkg/docusaurus.stamp');
  const sources = hashOf(pluginRoot, [
    'package.json',
    'src',
    'tsconfig.base.json',
    'tsconfig.server.json',
    'tsconfig.client.json',
  ]);
  const built = existsSync(path.join(pluginRoot, 'lib/browser'));
  if (built && existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) return;
  step('docusaurus-plugin-crossrank');
  rmSync(path.join(pluginRoot, 'lib'), { recursive: true, force: true });
  const tsc = path.join(root, 'node_modules/.bin/tsc');
  for (const half of ['server', 'client']) run(tsc, ['-p', `docusaurus/tsconfig.${half}.json`]);
  const styles = (file) => statSync(file).isDirectory() || file.endsWith('.css');
  cpSync(path.join(pluginRoot, 'src'), path.join(pluginRoot, 'lib/browser'), {
    recursive: true,
    filter: styles,
  });
  writeFileSync(stamp, sources);
}

/** One hash of the contents of these files and folders. */
export function hashOf(folder, names) {
  const files = names.flatMap((name) => {
    const at = path.join(folder, name);
    if (statSync(at).isFile()) return [at];
    const entries = readdirSync(at, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    return entries.map((entry) => path.join(entry.parentPath, entry.name)).sort();
  });
  return sha256(files.map((file) => `${file} ${sha256(readFileSync(file))}`).join('\n'));
}

/** A link to a folder, in the place of an older one. */
export function link(to, at) {
  const there = lstatSync(at, { throwIfNoEntry: false });
  if (there?.isSymbolicLink() && readlinkSync(at) === to) return;
  if (there) rmSync(at, { recursive: true });
  mkdirSync(path.dirname(at), { recursive: true });
  symlinkSync(to, at, 'dir');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await script(buildDocusaurus);
