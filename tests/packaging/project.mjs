// A project that uses the packages: a copy of a folder of projects/, with its bundler (kept in the cache outside the
// checkout, at the exact versions asked for) and both packages installed by npm from their tarballs.
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { cache, sha256 } from '../../scripts/paths.mjs';

const here = import.meta.dirname;
const home = path.join(cache, 'packaging');
const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];

/** The environment of all tools: no telemetry, and no checkout whose tools could be found by accident. */
const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', CI: '1', NODE_ENV: undefined };

/**
 * Makes a project. `source`: its folder below projects/. `tools`: name -> exact version. `tarballs`: what to install.
 * Returns { folder, run(command), close }; `run` rejects with the command's output if it fails.
 */
export function makeProject({ source, tools = {}, tarballs }) {
  mkdirSync(home, { recursive: true });
  const folder = mkdtempSync(path.join(home, `run-${source}-`));
  cpSync(path.join(here, 'projects/common'), folder, { recursive: true });
  cpSync(path.join(here, 'projects', source), folder, { recursive: true });
  const manifest = {
    name: `uses-crossrank-${source}`,
    private: true,
    type: 'module',
    devDependencies: tools,
  };
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
  // Hard links: as good as a copy, and at no cost. npm and the bundlers add files there, and change none.
  if (Object.keys(tools).length > 0) link(installed(manifest), folder);
  npm(folder, ['install', '--no-save', '--prefer-offline', ...tarballs]);
  return {
    folder,
    run: (...command) => run(folder, command),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The folder where these tools are installed, once for each list of versions. */
function installed(manifest) {
  const tools = JSON.stringify(manifest.devDependencies);
  const folder = path.join(home, `tools-${sha256(Buffer.from(tools)).slice(0, 16)}`);
  if (existsSync(path.join(folder, 'done'))) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
  npm(folder, ['install']);
  writeFileSync(path.join(folder, 'done'), '');
  return folder;
}

function link(from, to) {
  execFileSync('cp', ['-al', path.join(from, 'node_modules'), to]);
  cpSync(path.join(from, 'package-lock.json'), path.join(to, 'package-lock.json'));
}

function npm(cwd, args) {
  execFileSync('npm', [...args, ...quiet], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Runs a program of the project's node_modules, or `node`. */
async function run(folder, [command, ...args]) {
  const own = path.join(folder, 'node_modules/.bin', command);
  try {
    const options = { cwd: folder, env, maxBuffer: 16 << 20 };
    const { stdout, stderr } = await promisify(execFile)(existsSync(own) ? own : command, args, options);
    return `${stdout}${stderr}`;
  } catch (error) {
    const said = `${error.stdout ?? ''}${error.stderr ?? ''}`.trim().slice(-3000);
    throw new Error(`${command} ${args.join(' ')} failed:\n${said || error.message}`, { cause: error });
  }
}

/** The files below a folder of the project, as paths with slashes. */
export function filesOf(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
    .sort();
}
