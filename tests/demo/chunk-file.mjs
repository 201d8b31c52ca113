// Reads the built demo's chunk file the way a test needs it: plain items, independent of the page's own reader.

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

export const CHUNK_FILE = new URL('../../pkg/demo/chunks.json.gz', import.meta.url);

/** Every chunk: its index in the corpus, its text, and its path with the package's name before it. */
export function readChunks() {
  const { texts, files, fileOfChunk, packages } = JSON.parse(gunzipSync(readFileSync(CHUNK_FILE)));
  return texts.map((text, id) => {
    const file = files[fileOfChunk[id]];
    return { id, text, path: `${packages[file.package].name}/${file.path}` };
  });
}
