// Builds what the demo searches: sources and READMEs of packages that are installed anyway, cut into chunks, as
// one gzip file, and beside it the licence texts those packages ask to be kept. The output depends on the two lock
// files only. Called by the build, or by hand:
//   node scripts/demo-chunks/main.mjs --out pkg/demo/chunks.json.gz

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { cut } from './cut.mjs';
import { PACKAGES } from './packages.mjs';
import { readPackages } from './sources.mjs';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/**
 * Writes `out` (the chunks) and notices.txt beside it.
 * @param {{ out: string, warn?: (message: string) => void }} options
 * @returns {{ chunks: number, bytes: number, packages: { name: string, version: string, chunks: number }[] }}
 */
export function buildDemoChunks({ out, warn = console.warn }) {
  const packages = readPackages(PACKAGES, { root: ROOT, warn });
  const corpus = collect(packages);
  const bytes = gzipSync(JSON.stringify(corpus), { level: 9 });
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, bytes);
  writeFileSync(join(dirname(out), 'notices.txt'), notices(packages));
  return {
    chunks: corpus.texts.length,
    bytes: bytes.length,
    packages: corpus.packages.map(({ name, version }, index) => ({
      name,
      version,
      chunks: corpus.fileOfChunk.filter((file) => corpus.files[file].package === index).length,
    })),
  };
}

/** Columns rather than objects: names and paths are written once, and gzip sees like beside like. */
function collect(packages) {
  const corpus = {
    format: 'crossrank-demo-chunks',
    version: 1,
    packages: packages.map(({ registry, name, version, license }) => ({ registry, name, version, license })),
    files: [],
    fileOfChunk: [],
    startLines: [],
    endLines: [],
    texts: [],
  };
  const seen = new Set();
  for (const [index, { files }] of packages.entries()) {
    for (const { path, language, text } of files) {
      const chunks = cut(text, language).filter((chunk) => !seen.has(chunk.text));
      if (chunks.length === 0) continue;
      corpus.files.push({ package: index, path });
      for (const chunk of chunks) {
        seen.add(chunk.text);
        corpus.fileOfChunk.push(corpus.files.length - 1);
        corpus.startLines.push(chunk.startLine);
        corpus.endLines.push(chunk.endLine);
        corpus.texts.push(chunk.text);
      }
    }
  }
  return corpus;
}

function notices(packages) {
  const rule = '='.repeat(80);
  const parts = packages.map(({ name, version, license, notices: files }) => {
    const texts = files.map(({ name: file, text }) => `--- ${file}\n\n${text.trimEnd()}\n`);
    const body = texts.length > 0 ? texts.join('\n') : 'The package ships no licence file of its own.\n';
    return `${rule}\n${name} ${version} (${license})\n${rule}\n\n${body}`;
  });
  return `The demo searches excerpts of the packages below, unchanged, under their own licences.\n\n${parts.join('\n')}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { out: { type: 'string', default: 'pkg/demo/chunks.json.gz' } } });
  const built = buildDemoChunks({ out: resolve(ROOT, values.out) });
  for (const { name, version, chunks } of built.packages)
    console.log(`${String(chunks).padStart(6)}  ${name} ${version}`);
  console.log(`${built.chunks} chunks, ${built.bytes} bytes: ${values.out}`);
}
