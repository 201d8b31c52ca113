// The entries of the package name every module that they need, so that a page without a bundler asks for all of them at
// once instead of level by level: each level is a round trip. Bundlers drop the additions.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Static imports as tsc writes them, each on a line of its own or with its names over several. */
const IMPORT = /^(?:import|export)\b[^'";]*?\bfrom '(\.[^']+)';|^import '(\.[^']+)';/gm;

/** Adds to `entry`, a compiled module, an import of each module that it needs and does not name. */
export function flatten(entry) {
  const text = readFileSync(entry, 'utf8');
  const named = importsOf(entry);
  const missing = [...graphOf(entry)].filter((file) => file !== entry && !named.includes(file)).sort();
  if (missing.length === 0) return;
  const folder = path.dirname(entry);
  const lines = missing.map((file) => {
    const relative = path.relative(folder, file).split(path.sep).join('/');
    return `import '${relative.startsWith('.') ? relative : `./${relative}`}';\n`;
  });
  // Behind all else, so that the lines of the source map stay, and modules are evaluated in the order they had.
  const end = text.lastIndexOf('//# sourceMappingURL=');
  const at = end < 0 ? text.length : end;
  const added = `// What these import in turn, so that all are asked for at once.\n${lines.join('')}`;
  writeFileSync(entry, text.slice(0, at) + added + text.slice(at));
}

/** The module and all that it imports, directly or not. */
function graphOf(entry) {
  const seen = new Set([entry]);
  for (const file of seen) for (const imported of importsOf(file)) seen.add(imported);
  return seen;
}

function importsOf(file) {
  const found = readFileSync(file, 'utf8').matchAll(IMPORT);
  return [...found].map(([, from, bare]) => path.resolve(path.dirname(file), from ?? bare));
}
