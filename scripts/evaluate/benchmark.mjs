// A benchmark folder as cases: a query, its candidates in the first stage's order, and what is relevant. The same files
// and rules as the native `crossrank evaluate` (src/cli/benchmark.rs). See docs/evaluation.md.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { SetupError } from '../run.mjs';

/** The first `queries` queries of the folder, each with at most `candidates` documents. */
export function readBenchmark(folder, queries, candidates) {
  const rows = (name, shape) => readRows(path.join(folder, `${name}.jsonl`), shape);
  return casesOf(
    {
      queries: rows('queries', { id: 'string', text: 'string' }),
      corpus: rows('corpus', { id: 'string', text: 'string' }),
      qrels: rows('qrels', { qid: 'string', did: 'string', rel: 'number' }),
      candidates: rows('candidates', { qid: 'string', docs: 'object' }),
    },
    queries,
    candidates,
  );
}

/** The same from rows that are in memory. */
export function casesOf(rows, queries, candidates) {
  const texts = new Map(rows.corpus.map(({ id, path, text }) => [id, path ? `${path}\n\n${text}` : text]));
  const lists = new Map(rows.candidates.map((row) => [row.qid, row]));
  const judged = new Map();
  for (const { qid, did, rel } of rows.qrels) {
    if (rel > 0) judged.set(qid, (judged.get(qid) ?? new Map()).set(did, rel));
  }
  return rows.queries.slice(0, queries).map(({ id, text }) => {
    const fail = (what) => {
      throw new SetupError(`query ${JSON.stringify(id)} has no ${what}`);
    };
    const gains = judged.get(id) ?? fail('relevant document in qrels.jsonl');
    const list = lists.get(id) ?? fail('candidates in candidates.jsonl');
    const ids = list.docs.slice(0, candidates);
    const base = list.bm25 ?? list.scores;
    if (base !== undefined && !(Array.isArray(base) && base.length === list.docs.length))
      fail('score for each of its candidates');
    return {
      query: text,
      documents: ids.map((did) => texts.get(did) ?? fail(`text in corpus.jsonl for its candidate ${did}`)),
      gains: ids.map((did) => gains.get(did) ?? 0),
      relevant: [...gains.values()],
      base: base?.slice(0, candidates),
    };
  });
}

/** The rows of a JSON Lines file; `shape` says which properties each must have. */
export function readRows(file, shape) {
  let content;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    throw new SetupError(`${file} cannot be read: ${error.message}`);
  }
  return content.split('\n').flatMap((line, at) => {
    if (line.trim() === '') return [];
    const row = parse(line, `${file}:${at + 1}`);
    const wrong = Object.entries(shape).find(([key, type]) => row === null || typeof row[key] !== type);
    if (wrong) throw new SetupError(`${file}:${at + 1}: ${wrong[0]} must be of type ${wrong[1]}`);
    return [row];
  });
}

function parse(line, place) {
  try {
    return JSON.parse(line);
  } catch {
    throw new SetupError(`${place} is not JSON`);
  }
}
