// Finds the installed packages of packages.mjs on disk and reads the files that are worth showing: permissively
// licensed, readable, not tests, not generated. npm packages come from node_modules, crates from cargo's own
// metadata, so versions are those of the two lock files. Called by main.mjs.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isPermissive } from './license.mjs';

const LANGUAGES = { md: 'markdown', rs: 'rust', ts: 'script', js: 'script', mjs: 'script' };
const SKIPPED_FOLDERS = new Set(
  '__tests__ bench benches examples fixtures fuzz node_modules test testSetup tests'.split(' '),
);
const SKIPPED_FILES =
  /(?:^tests?\.|[._-]tests?\.|\.d\.ts$|\.min\.|^(?:changelog|license|licence|copying|notice|contributing))/i;
/** Sources with longer lines are tables or minified. */
const MAX_LINE_CHARACTERS = 400;
const GENERATED = /@generated|auto-?generated|automatically generated|do not edit|DO NOT MODIFY/i;
const NOTICE_FILES = /^(?:licen[cs]e|copying|copyright|notice|unlicense)/i;

/**
 * @param {{ registry: string, name: string, files: string[] }[]} wanted
 * @param {{ root: string, warn: (message: string) => void }} options
 * @returns packages in the order of `wanted`, each with its readable files in path order
 */
export function readPackages(wanted, { root, warn }) {
  const crates = wanted.some((entry) => entry.registry === 'crates.io') ? findCrates(root) : new Map();
  const found = [];
  for (const entry of wanted) {
    const installed = entry.registry === 'npm' ? findNpm(root, entry.name) : crates.get(entry.name);
    if (installed === undefined) {
      warn(`${entry.name} is not installed, so the demo goes without it`);
    } else if (!isPermissive(installed.license)) {
      warn(`${entry.name} is left out: its licence is ${installed.license ?? 'not stated'}`);
    } else {
      found.push({
        registry: entry.registry,
        ...installed,
        notices: readNotices(installed.folder),
        files: readSources(installed.folder, entry.files),
      });
    }
  }
  return found;
}

function findNpm(root, name) {
  const folder = join(root, 'node_modules', name);
  const manifest = join(folder, 'package.json');
  if (!existsSync(manifest)) return undefined;
  const { version, license } = JSON.parse(readFileSync(manifest, 'utf8'));
  return { name, version, license, folder };
}

/** Every crate of Cargo.lock that cargo has unpacked; of two versions the newer one. */
function findCrates(root) {
  const args = [
    'metadata',
    '--format-version',
    '1',
    '--locked',
    '--filter-platform',
    'wasm32-unknown-unknown',
  ];
  const run = (more) =>
    execFileSync('cargo', [...args, ...more], {
      cwd: root,
      maxBuffer: 256 * 1024 * 1024,
      stdio: ['ignore', 'pipe', more.length > 0 ? 'ignore' : 'inherit'],
    });
  let json;
  try {
    json = run(['--offline']);
  } catch {
    json = run([]);
  }
  const crates = new Map();
  for (const { name, version, license, manifest_path: manifest, source } of JSON.parse(json).packages) {
    if (source === null) continue;
    const other = crates.get(name);
    if (other !== undefined && compareVersions(other.version, version) >= 0) continue;
    crates.set(name, { name, version, license, folder: dirname(manifest) });
  }
  return crates;
}

function compareVersions(a, b) {
  const numbers = (version) => version.split(/[.+-]/).map(Number);
  const [left, right] = [numbers(a), numbers(b)];
  for (let i = 0; i < 3; i++) if (left[i] !== right[i]) return left[i] - right[i];
  return 0;
}

function readSources(folder, wanted) {
  const readme = readdirSync(folder).filter((name) => /^readme\.md$/i.test(name));
  const paths = [...readme, ...wanted].flatMap((path) =>
    path.endsWith('/') ? walk(folder, path.slice(0, -1)) : existsSync(join(folder, path)) ? [path] : [],
  );
  return [...new Set(paths)]
    .sort()
    .map((path) => ({
      path,
      language: LANGUAGES[path.split('.').at(-1)],
      text: readFileSync(join(folder, path), 'utf8'),
    }))
    .filter(({ language, text }) => language !== undefined && isReadable(text))
    .map((file) => (file.language === 'rust' ? { ...file, text: withoutTestModule(file.text) } : file));
}

function walk(folder, path) {
  if (!existsSync(join(folder, path))) return [];
  return readdirSync(join(folder, path)).flatMap((name) => {
    const inner = `${path}/${name}`;
    if (statSync(join(folder, inner)).isDirectory())
      return SKIPPED_FOLDERS.has(name) ? [] : walk(folder, inner);
    return SKIPPED_FILES.test(name) ? [] : [inner];
  });
}

function isReadable(text) {
  return (
    !GENERATED.test(text.slice(0, 600)) && !text.split('\n').some((line) => line.length > MAX_LINE_CHARACTERS)
  );
}

/** Rust keeps unit tests at the end of the file; the lines before keep their numbers. */
function withoutTestModule(text) {
  const start = text.search(
    /^#\[cfg\((?:test|all\(test\b[^\n]*)\)?\]\s*(?:#\[[^\n]*\]\s*)*(?:pub(?:\(crate\))? )?mod \w+ \{/m,
  );
  return start < 0 ? text : text.slice(0, start);
}

function readNotices(folder) {
  return readdirSync(folder)
    .filter((name) => NOTICE_FILES.test(name) && statSync(join(folder, name)).isFile())
    .sort()
    .map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
}
