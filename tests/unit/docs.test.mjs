// The documentation against the code: option tables, recipes, links, the questions about it.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Reranker, rerankingModel, toCohere, toTEI } from '../../pkg/dist/index.js';
import { readPredictOptions, readRankOptions, readWarmupOptions } from '../../pkg/dist/options.js';
import { makeBenchmark } from '../../scripts/evaluate/markdown.mjs';
import { root } from '../support/server.mjs';

const read = (file) => readFileSync(path.join(root, file), 'utf8');

/** The options that a function knows: it lists them when it is given one that resembles none. */
async function optionsOf(call) {
  const unknown = 'zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz';
  const error = await Promise.resolve()
    .then(() => call({ [unknown]: 1 }))
    .catch((e) => e);
  return /Valid options: (.*)\. \(/.exec(error.message)[1].split(', ');
}

/** The names in the first column of the table below a heading of docs/api.md. */
function documented(heading) {
  const section = read('docs/api.md').split(`${heading}\n`)[1].split(/^#/m)[0];
  return [...section.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
}

test('docs/api.md has a row for every option, and for no other', async () => {
  const blend = { alpha: 0.5, base: [1] };
  const reranker = { rank() {}, status: { model: {} } };
  const functions = {
    '## Reranker.load(options)': (o) => Reranker.load(o),
    '## reranker.rank(query, documents, options)': (o) => readRankOptions(o, 1),
    '### Blend': (o) => readRankOptions({ blend: { ...blend, ...o } }, 1),
    '## reranker.predict(pairs, options)': readPredictOptions,
    '## reranker.warmup(options)': readWarmupOptions,
    '## Vercel AI SDK': (o) => rerankingModel(reranker, o),
  };
  for (const [heading, call] of Object.entries(functions))
    assert.deepEqual(documented(heading).sort(), (await optionsOf(call)).sort(), heading);
  for (const [name, shape] of Object.entries({ toCohere, toTEI })) {
    const row = read('docs/api.md')
      .split('\n')
      .find((line) => line.startsWith(`| \`${name}(`));
    for (const option of await optionsOf((o) => shape([], o))) assert.ok(row.includes(`\`${option}`), option);
  }
});

test('docs/bundlers.md shows the configurations that the packaging tests use', () => {
  const docs = read('docs/bundlers.md');
  for (const file of ['esbuild/build.mjs', 'rollup/rollup.config.mjs', 'vite/vite.config.js']) {
    const code = read(`tests/packaging/projects/${file}`).replace(/^\/\/.*\n/gm, '');
    assert.ok(docs.includes(code), file);
  }
  assert.ok(
    docs.includes(
      /<script type="importmap">[\s\S]*?<\/script>/.exec(read('tests/packaging/projects/esm/index.html'))[0],
    ),
  );
});

test('relative links between Markdown files lead to files and headings that are there', () => {
  const pages = [
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    'SECURITY.md',
    'THIRD-PARTY.md',
    'model/README.md',
  ];
  for (const name of readdirSync(path.join(root, 'docs'), { recursive: true }))
    if (name.endsWith('.md')) pages.push(`docs/${name}`);
  for (const page of pages) {
    const text = read(page).replace(/^```[\s\S]*?^```/gm, '');
    for (const [, link] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [file, anchor] = link.split('#');
      const target = file === '' ? page : path.posix.join(path.posix.dirname(page), file);
      assert.ok(existsSync(path.join(root, target)), `${page}: ${link}`);
      if (anchor !== undefined) assert.ok(anchorsOf(read(target)).includes(anchor), `${page}: ${link}`);
    }
  }
});

/** The anchors that headings get, as GitHub makes them. */
function anchorsOf(text) {
  const headings = [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.*)$/gm)];
  return headings.map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  );
}

test('every question in docs/questions.jsonl names a section that is there, and the words are found', () => {
  const folder = path.join(root, 'docs');
  const rows = makeBenchmark({ docs: folder, questions: path.join(folder, 'questions.jsonl') });
  assert.ok(rows.queries.length >= 30);
  for (const { qid, docs, scores } of rows.candidates) {
    assert.ok(docs.length > 0 && docs.length === scores.length, qid);
    assert.deepEqual(
      scores,
      [...scores].sort((a, b) => b - a),
    );
  }
});
