// Builds sites with the packed plugin: the example of this project's docs, once for each search and bundler it can
// have. They lie in pkg/sites, and find the packages as an installed site would:
//   pkg/sites/node_modules   docusaurus-plugin-crossrank and crossrank, unpacked from `npm pack`
//   pkg/node_modules         Docusaurus and the search plugins, a link to the cache
import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import {
  buildDocusaurus,
  hashOf,
  installDocusaurus,
  link,
  pluginRoot,
} from '../../../scripts/docusaurus.mjs';
import { root } from '../../../scripts/paths.mjs';

export const sites = path.join(root, 'pkg/sites');
export const BASE = '/crossrank/';

let prepared = false;

/** Once a process, and only where something has changed: compiles and packs what the sites install. */
function preparePackages() {
  if (prepared) return;
  buildDocusaurus();
  link(installDocusaurus(), path.join(root, 'pkg/node_modules'));
  unpack('docusaurus-plugin-crossrank', pluginRoot, ['package.json', 'lib', 'locales']);
  unpack('crossrank', root, ['package.json', 'pkg/dist', 'model']);
  prepared = true;
}

/** `npm pack` and unpack: what is not in the package is not there. `parts` are what it consists of. */
function unpack(name, folder, parts) {
  const to = path.join(sites, 'node_modules', name);
  const stamp = path.join(sites, 'node_modules', `.${name}`);
  const contents = hashOf(folder, parts);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === contents) return;
  const fresh = `${to}.fresh`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  const flags = ['--ignore-scripts', '--silent', '--pack-destination', fresh];
  const packed = command('npm', ['pack', ...flags], folder).trim();
  command('tar', ['-xzf', packed, '--strip-components=1'], fresh);
  rmSync(path.join(fresh, packed));
  // At once, for sites that another test is building meanwhile.
  rmSync(to, { recursive: true, force: true });
  renameSync(fresh, to);
  writeFileSync(stamp, contents);
}

/** A copy of the example in a folder of its own; `files` (path -> text) are added to it. Returns the site's folder. */
export function exampleSite(name, files = {}) {
  preparePackages();
  const folder = path.join(sites, name);
  rmSync(folder, { recursive: true, force: true });
  cpSync(path.join(root, 'docs'), path.join(folder, 'docs'), { recursive: true });
  const site = path.join(folder, 'docusaurus/example');
  const filter = (file) => !/[\\/](node_modules|build|\.docusaurus)$/.test(file);
  cpSync(path.join(pluginRoot, 'example'), site, { recursive: true, filter });
  addFiles(site, files);
  return site;
}

/** A site of nothing but these files (path -> text). */
export function emptySite(name, files) {
  preparePackages();
  const folder = path.join(sites, name);
  rmSync(folder, { recursive: true, force: true });
  addFiles(folder, files);
  return folder;
}

/** `docusaurus build`. Returns `{ build, output }`: the folder that is to be served at BASE, and what was printed. */
export function buildSite(site, environment = {}, ...flags) {
  const output = command(process.execPath, [cli(), 'build', site, ...flags], site, environment);
  return { build: path.join(site, 'build'), output };
}

/** `docusaurus start`. Resolves with `{ origin, stop }` when it answers. */
export async function startSite(site, environment = {}) {
  const port = await freePort();
  const args = [cli(), 'start', site, '--no-open', '--port', String(port), '--host', '127.0.0.1'];
  const child = spawn(process.execPath, args, { cwd: site, env: env(environment), detached: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
  const stop = () => {
    if (child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
  };
  const origin = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 600; tries += 1) {
    if (child.exitCode !== null) throw new Error(`docusaurus start ended:\n${output}`);
    // `fetch` waits for the first compilation; what the page needs is served only after it.
    if (/[Cc]ompiled successfully|Client bundle compiled/.test(output)) {
      const answer = await fetch(`${origin}${BASE}`).catch(() => undefined);
      if (answer?.ok) return { origin, stop, output: () => output };
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  stop();
  throw new Error(`docusaurus start did not answer:\n${output}`);
}

/** URL path -> bytes are read by the test server; this names the file of each path below BASE. */
export function aliasesOf(build) {
  const files = readdirSync(build, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const aliases = {};
  for (const entry of files) {
    const file = path.join(entry.parentPath, entry.name);
    const relative = path.relative(build, file).split(path.sep).join('/');
    const target = path.relative(root, file);
    aliases[BASE + relative] = target;
    if (entry.name === 'index.html') aliases[BASE + relative.slice(0, -'index.html'.length)] = target;
    if (relative.endsWith('/index.html')) aliases[BASE + relative.slice(0, -'/index.html'.length)] = target;
  }
  return aliases;
}

const cli = () => path.join(root, 'pkg/node_modules/@docusaurus/core/bin/docusaurus.mjs');
const env = (more) => ({
  ...process.env,
  DISABLE_VERSION_CHECK: 'true',
  NO_UPDATE_NOTIFIER: '1',
  CI: '1',
  ...more,
});

function command(program, args, cwd, environment = {}) {
  const options = { cwd, env: env(environment), encoding: 'utf8', maxBuffer: 1 << 28 };
  const { status, stdout, stderr } = spawnSync(program, args, options);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}\n${stderr}`);
  return stdout;
}

function addFiles(folder, files) {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
