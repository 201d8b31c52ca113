// Every question the demo offers has its answer within reach of the first stage: without that, no reranker could put
// it first. Reads the built demo (pkg/demo, pkg/demo-js); needs no browser.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXAMPLES } from '../../pkg/demo-js/examples.js';
import { itemsFromPaste } from '../../pkg/demo-js/items.js';
import { indexItems, terms } from '../../pkg/demo-js/search.js';
import { readChunks } from './chunk-file.mjs';

/** Question -> start of the path and a pattern in the text of a chunk that answers it. */
const ANSWERS = {
  'how does fuzzy matching weigh a term': ['minisearch/src/MiniSearch.ts', /const weight = fuzzyWeight/],
  'where is GELU implemented': ['burn-', /fn gelu\(|pub struct Gelu /],
  'what turns attention scores into weights': ['burn-nn/src/modules/attention/', /fn attn_weights/],
  'truncate a pair of encodings to the maximum length': ['tokenizers/src/utils/', /fn truncate_encodings/],
  'how do idle threads fall asleep': ['rayon-core/src/sleep/', /fall asleep/],
  'reject a file whose tensor offsets are invalid': ['safetensors/src/tensor.rs', /fn validate/],
  'find the closest string by edit distance': ['fastest-levenshtein/', /const closest/],
  'suggest the right command after a typo': ['commander/lib/suggestSimilar.js', /function suggestSimilar/],
  'how are accents stripped before tokenizing': ['tokenizers/src/normalizers/', /fn do_strip_accents/],
  'how does a caret version range expand': ['semver/classes/range.js', /const replaceCaret = /],
  'when does a small vector move to the heap': ['smallvec/src/lib.rs', /pub fn push\(/],
  'convert f32 to f16 in software': ['half/src/binary16/arch.rs', /fn f32_to_f16/],
  'is base64 padding checked when decoding': ['base64/src/engine/', /fn decode_suffix/],
  'does dropout do anything during inference': ['burn-nn/src/modules/dropout.rs', /fn forward/],
  'limit how many promises run at once': ['p-limit/index.js', /pLimit/],
  'rename a file by the hash of its final content': [
    'webpack/lib/optimize/RealContentHashPlugin.js',
    /newName/,
  ],
};

test('each example question has an answer among the first 20 of the first stage', async () => {
  assert.ok(EXAMPLES.length >= 12);
  assert.deepEqual([...EXAMPLES].sort(), Object.keys(ANSWERS).sort());
  const items = readChunks();
  const firstStage = await indexItems(items);
  for (const [question, [path, pattern]] of Object.entries(ANSWERS)) {
    const found = firstStage.search(question, 20);
    assert.equal(found.length, 20, question);
    assert.ok(
      found.some((item) => item.path.startsWith(path) && pattern.test(item.text)),
      `"${question}" finds no ${path}`,
    );
  }
});

test('identifiers are found by their words, whole, and in other forms of the word', () => {
  assert.deepEqual(terms('splitChunksPlugin'), ['split', 'chunk', 'plugin', 'splitchunksplugin']);
  assert.deepEqual(terms('parse_HTTPHeaders'), ['parse', 'http', 'header', 'parse_httpheaders']);
  assert.deepEqual(terms('implemented implements implementing'), ['implement', 'implement', 'implement']);
});

test('own documents are parted by rules of dashes, or else by blank lines', () => {
  const texts = (paste) => itemsFromPaste(paste).map(({ text }) => text);
  assert.deepEqual(texts('a\nb\n\n  c\n\n\n\nd\r\n\r\ne\n'), ['a\nb', '  c', 'd', 'e']);
  assert.deepEqual(texts('a\n\nb\n---\nc\n-----\n\n'), ['a\n\nb', 'c']);
  assert.deepEqual(texts(' \n\n'), []);
});
