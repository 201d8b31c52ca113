// Makes a benchmark of a docs site: its Markdown files cut into sections at their headings, questions somebody wrote
// about them, and BM25 as the first stage. Gives the rows of the four files of a benchmark folder.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import MiniSearch from 'minisearch';
import { SetupError } from '../run.mjs';
import { readRows } from './benchmark.mjs';

/** Candidates that are written for each query. */
const CANDIDATES = 50;

/** The rows of the benchmark. Throws if a question names a section that is not there. */
export function makeBenchmark({ docs, questions }) {
  const corpus = markdownFiles(docs).flatMap((file) =>
    sections(file, readFileSync(path.join(docs, file), 'utf8')),
  );
  const asked = readRows(questions, { text: 'string', path: 'string', heading: 'string' });
  const index = new MiniSearch({ fields: ['path', 'text'] });
  index.addAll(corpus);
  const rows = { queries: [], corpus, qrels: [], candidates: [] };
  for (const [i, question] of asked.entries()) {
    const qid = `q${i}`;
    const right = corpus.filter((s) => s.file === question.path && s.heading === question.heading);
    if (right.length === 0)
      throw new SetupError(`${questions}: no section ${question.heading} in ${question.path}`);
    const hits = index.search(question.text).slice(0, CANDIDATES);
    rows.queries.push({ id: qid, text: question.text });
    rows.qrels.push(...right.map(({ id }) => ({ qid, did: id, rel: 1 })));
    rows.candidates.push({ qid, docs: hits.map(({ id }) => id), scores: hits.map(({ score }) => score) });
  }
  return rows;
}

/** Writes the rows as a benchmark folder. */
export function writeBenchmark(folder, rows) {
  mkdirSync(folder, { recursive: true });
  for (const [name, list] of Object.entries(rows)) {
    const lines = list.map((row) => `${JSON.stringify(row)}\n`);
    writeFileSync(path.join(folder, `${name}.jsonl`), lines.join(''));
  }
}

function markdownFiles(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.mdx?$/.test(entry.name))
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .map((file) => file.split(path.sep).join('/'))
    .sort();
}

/** The sections of one file: what stands below each heading, up to the next one, whatever its level. Code is kept. */
export function sections(file, text) {
  const found = [];
  let fence;
  let section = { heading: '', lines: [] };
  const end = () => {
    const body = section.lines.join('\n').trim();
    if (body !== '') found.push({ heading: section.heading, body });
  };
  for (const line of text.replace(/^---\n[\s\S]*?\n---\n/, '').split(/\r?\n/)) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (mark !== undefined && fence === undefined) fence = mark;
    else if (mark?.startsWith(fence) && line.trim() === mark) fence = undefined;
    const heading =
      fence === undefined && mark === undefined ? /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1] : undefined;
    if (heading === undefined) {
      section.lines.push(line);
      continue;
    }
    end();
    section = { heading, lines: [] };
  }
  end();
  return found.map(({ heading, body }, i) => ({
    id: `${file}#${i}`,
    path: heading === '' ? file : `${file}: ${heading}`,
    text: body,
    file,
    heading,
  }));
}
