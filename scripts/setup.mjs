// Installs what is missing: npm packages, the wasm32 standard library, wasm-bindgen, Chromium. Safe to run again.
//   node scripts/setup.mjs            everything
//   node scripts/setup.mjs --no-browser   without Chromium (enough to build and serve)
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { findChromium } from './chromium.mjs';
import { cache, lockedVersion, root, sha256, wasmBindgenRoot, wasmTarget } from './paths.mjs';
import { attempt, must, run, SetupError, script, step, which } from './run.mjs';
import { debianToolchain, rustupToolchain, wasmToolchain } from './toolchain.mjs';

export function setup({ browser = true } = {}) {
  checkNode();
  installNpmPackages();
  checkRust();
  installWasmStandardLibrary();
  installWasmBindgen();
  if (browser) installChromium();
}

function checkNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) throw new SetupError(`Node ${process.versions.node} is too old; install Node 20 or newer`);
}

/** `npm ci`, unless the installed packages are those of the lock file already. */
function installNpmPackages() {
  const stamp = path.join(root, 'node_modules/.crossrank-lock');
  const lock = sha256(readFileSync(path.join(root, 'package-lock.json')));
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  step('npm packages');
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
  writeFileSync(stamp, lock);
}

function checkRust() {
  const wanted = readFileSync(path.join(root, 'Cargo.toml'), 'utf8').match(/rust-version = "([\d.]+)"/)[1];
  const how = `install Rust ${wanted} or newer with rustup (https://rustup.rs)`;
  const found = must('cargo', ['--version'], `cargo is missing; ${how}`).match(/cargo (\d+)\.(\d+)/);
  const [major, minor] = wanted.split('.').map(Number);
  if (Number(found[1]) < major || (Number(found[1]) === major && Number(found[2]) < minor)) {
    throw new SetupError(`cargo ${found[1]}.${found[2]} is too old; ${how}`);
  }
  for (const part of ['clippy', 'fmt']) {
    if (!attempt('cargo', [part, '--version']).ok) {
      must(
        'rustup',
        ['component', 'add', part === 'fmt' ? 'rustfmt' : part],
        `cargo ${part} is missing and rustup cannot add it`,
      );
    }
  }
}

/** rustup first; where it cannot download, the packaged compiler of Debian. */
function installWasmStandardLibrary() {
  if (wasmToolchain()) return;
  step(`standard library for ${wasmTarget}`);
  const rustup = which('rustup')
    ? attempt('rustup', ['target', 'add', wasmTarget], { timeout: 300_000 })
    : { output: 'rustup is not installed' };
  if (rustupToolchain()) return;
  console.log(
    'rustup could not add it; trying the packages rustc-web, cargo-web, rust-web-src, rust-web-llvm',
  );
  const apt = aptInstall(['rustc-web', 'cargo-web', 'rust-web-src', 'rust-web-llvm']);
  if (debianToolchain()) return;
  throw new SetupError(
    `the Rust standard library for ${wasmTarget} is missing: run "rustup target add ${wasmTarget}" with network access, ` +
      `or on Debian 12 "apt-get install rustc-web cargo-web rust-web-src rust-web-llvm" ` +
      `(rustup: ${lastLine(rustup.output)}; apt: ${lastLine(apt.output)})`,
  );
}

function installWasmBindgen() {
  const folder = wasmBindgenRoot();
  const tool = path.join(folder, 'bin/wasm-bindgen');
  if (attempt(tool, ['--version']).ok) return;
  const version = lockedVersion('wasm-bindgen');
  step(`wasm-bindgen-cli ${version} (compiled once, kept in ${cache})`);
  const install = ['install', 'wasm-bindgen-cli', '--version', version, '--root', folder];
  // Its own lock file first; a registry mirror that lags behind may lack a version of it.
  if (attempt('cargo', [...install, '--locked'], { stdio: ['ignore', 'inherit', 'inherit'] }).ok) return;
  run('cargo', install);
}

function installChromium() {
  if (findChromium()) return;
  step('Chromium');
  const apt = aptInstall(['chromium']);
  if (findChromium()) return;
  // Ubuntu's package is a snap stub that installs nothing in a container; Playwright has builds for it.
  const playwright = attempt('npx', ['playwright-core', 'install', '--with-deps', 'chromium'], {
    timeout: 600_000,
  });
  if (findChromium()) return;
  throw new SetupError(
    'Chromium is missing: install it (Debian: "apt-get install chromium"), or set CHROME_PATH to a Chrome or Chromium ' +
      `(apt: ${lastLine(apt.output)}; playwright: ${lastLine(playwright.output)})`,
  );
}

function aptInstall(packages) {
  if (!which('apt-get')) return { ok: false, output: 'apt-get is not on this system' };
  const root = process.getuid?.() === 0;
  if (!root && !which('sudo')) return { ok: false, output: 'neither root nor sudo' };
  const apt = (args) => {
    const command = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...args];
    return attempt(root ? command[0] : 'sudo', root ? command.slice(1) : command);
  };
  apt(['update']);
  return apt(['install', '-y', '--no-install-recommends', ...packages]);
}

const lastLine = (text) => text.trim().split('\n').at(-1) || 'no output';

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await script(() => setup({ browser: !process.argv.includes('--no-browser') }));
}
