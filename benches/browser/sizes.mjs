// How many bytes files are over the network: raw, gzip and brotli at the levels of a host that compresses ahead of
// time. Brotli at that level takes most of a minute for the peer's wasm, so what was found is kept by content.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { cache, sha256 } from '../../scripts/paths.mjs';

const store = path.join(cache, 'bench-sizes.json');

/** { raw, gzip, brotli } of all files together. */
export function transferSizes(files) {
  const known = readStore();
  const total = { raw: 0, gzip: 0, brotli: 0 };
  for (const file of files) {
    const bytes = readFileSync(file);
    const key = sha256(bytes);
    known[key] ??= measure(bytes);
    for (const form of Object.keys(total)) total[form] += known[key][form];
  }
  mkdirSync(cache, { recursive: true });
  writeFileSync(store, JSON.stringify(known));
  return total;
}

function measure(bytes) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  return {
    raw: bytes.length,
    gzip: gzipSync(bytes, { level: 9 }).length,
    brotli: brotliCompressSync(bytes, { params }).length,
  };
}

function readStore() {
  try {
    return JSON.parse(readFileSync(store, 'utf8'));
  } catch {
    return {}; // the first time, or cut off while it was written
  }
}
