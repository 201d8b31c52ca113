// What is scored: pairs from the demo's chunks, the same in every run of the same build. Lengths are set with our own
// tokenizer, run here in Node from the same wasm file that the browser loads.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { demo, dist, root } from '../../scripts/paths.mjs';

const query = 'where is the closest string found by edit distance';

/**
 * Chunks of numbers have twice the tokens of text, and one of them would decide how far the peer pads its whole batch.
 * Without them b is within what code and docs look like, and the peer is not made to look worse than it is.
 */
const MOST_TOKENS_OF_B = 240;

/** The comparison's workloads; the demo's lists are measured beside them. */
export const workloadNames = ['a', 'b', 'c16'];

/**
 * name -> { pairs, tokens, repeat, about }. `repeat`: runs of one timed pass, so that the short workload is long enough
 * for a clock of hundredths of a second.
 */
export async function makeWorkloads(modelFolder) {
  const chunks = readChunks();
  const session = await openSession(modelFolder ?? path.join(root, 'model'));
  const count = (document) => session.encode(query, document, 0).ids.length;
  const workload = (about, repeat, documents) => {
    const pairs = documents.map((document) => [query, document]);
    return { about, repeat, pairs, tokens: documents.reduce((sum, document) => sum + count(document), 0) };
  };
  const cutAt500 = chunks.map(({ text }) => text.slice(0, 500)).filter((text) => text.length >= 400);
  const plain = cutAt500.filter((text) => count(text) <= MOST_TOKENS_OF_B);
  const short = fill(chunks, 20, (i) => 108 + i, count);
  const full = fill(chunks, 16, (i) => 503 + (i % 8), count);
  const demoTexts = spread(chunks, 50).map(({ path: place, text }) => `${place}\n\n${text}`);
  const all = {
    a: workload('20 documents of 108 to 127 tokens', 3, short),
    b: workload('50 chunks, cut at 500 characters', 1, spread(plain, 50)),
    c16: workload('16 documents of 503 to 510 tokens', 1, full),
    demo20: workload('20 chunks as the demo ranks them', 1, demoTexts.slice(0, 20)),
    demo50: workload('50 chunks as the demo ranks them', 1, demoTexts),
  };
  session.free();
  return all;
}

export function readChunks() {
  const file = JSON.parse(gunzipSync(readFileSync(path.join(demo, 'chunks.json.gz'))).toString());
  return file.texts.map((text, i) => {
    const source = file.files[file.fileOfChunk[i]];
    return { text, path: `${file.packages[source.package].name}/${source.path}` };
  });
}

/** `count` items at even distances. */
function spread(items, count) {
  return Array.from({ length: count }, (_, i) => items[Math.floor(((i + 0.5) * items.length) / count)]);
}

/** The longest beginning of `text` that makes a pair of at most `tokens`. */
function cut(text, tokens, count) {
  let [fits, tooLong] = [0, text.length + 1];
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (count(text.slice(0, middle)) <= tokens) fits = middle;
    else tooLong = middle;
  }
  return text.slice(0, fits);
}

/** Documents of neighbouring chunks, joined and cut to a number of tokens each. */
function fill(chunks, documents, tokens, count) {
  const starts = spread([...chunks.keys()], documents);
  return starts.map((start, i) => {
    let text = chunks[start].text;
    for (let next = start + 1; count(text) < tokens(i) + 1 && next < chunks.length; next += 1) {
      text += `\n\n${chunks[next].text}`;
    }
    return cut(text, tokens(i), count);
  });
}

async function openSession(folder) {
  const glue = await import(pathToFileURL(path.join(dist, 'wasm/crossrank_cpu.js')).href);
  await glue.default({ module_or_path: readFileSync(path.join(dist, 'wasm/crossrank_cpu_bg.wasm')) });
  const read = (name) => readFileSync(path.join(folder, name));
  const loader = new glue.ModelLoader(read('config.json'), read('tokenizer.json'), 'int8');
  for (const file of weightFiles(folder)) loader.push(read(file));
  return loader.finish();
}

/** The files that make the safetensors stream, in order, of either folder form. */
export function weightFiles(folder) {
  try {
    const manifest = JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8'));
    return manifest.weights.shards.map((shard) => shard.path);
  } catch {
    return ['model.safetensors'];
  }
}
