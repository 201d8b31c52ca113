// The command line of `npm run eval`. Unknown options stop the run: a typo must not cost minutes.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { SetupError } from '../run.mjs';

export const usage = `npm run eval -- [options] FOLDER...
  FOLDER             benchmark folders (queries.jsonl, corpus.jsonl, qrels.jsonl, candidates.jsonl)
  --markdown DIR     instead of folders: Markdown files, cut at their headings ...
  --questions FILE   ... and questions about them (JSONL: text, path, heading); both default to this project's docs
  --keep DIR         write the benchmark that --markdown makes into this folder, too
  --model MODEL      a model folder on disk, a URL, or hf:org/name (default: the package's own)
  --queries N        from the top of queries.jsonl (default 150)
  --candidates N     of each query, that are reranked (default 20)
  --alpha A          share of the model's score in the blended order (default 0.7)
  --max-length N     most tokens of a pair (default: the model's limit)
  --precision P      int8 or f32 (default int8)
  --workers N        default: the package's own choice
  --json             one JSON object a benchmark, not a table`;

const text = { type: 'string' };
const flag = { type: 'boolean', default: false };
const known = {
  markdown: text,
  questions: text,
  keep: text,
  model: text,
  queries: text,
  candidates: text,
  alpha: text,
  'max-length': text,
  precision: text,
  workers: text,
  json: flag,
  help: flag,
};

export function readOptions(args) {
  const { values, positionals } = parse(args);
  if ((values.markdown === undefined) !== (values.questions === undefined))
    throw new SetupError('--markdown and --questions belong together');
  if (positionals.length > 0 && values.markdown !== undefined)
    throw new SetupError('give benchmark folders or --markdown, not both');
  const alpha = Number(values.alpha ?? 0.7);
  if (!(alpha >= 0 && alpha <= 1)) throw new SetupError('--alpha must be a number from 0 to 1');
  return {
    help: values.help,
    json: values.json,
    folders: positionals,
    markdown: values.markdown && { docs: values.markdown, questions: values.questions },
    keep: values.keep,
    queries: whole(values, 'queries') ?? 150,
    candidates: whole(values, 'candidates') ?? 20,
    alpha,
    // A folder on disk is served under a path; what is none is a URL or a name, and the package's own affair.
    modelFolder: values.model && existsSync(values.model) ? path.resolve(values.model) : undefined,
    load: {
      model: values.model,
      maxLength: whole(values, 'max-length'),
      precision: values.precision,
      workers: whole(values, 'workers'),
    },
  };
}

function parse(args) {
  try {
    return parseArgs({ args, options: known, allowPositionals: true });
  } catch (error) {
    throw new SetupError(`${error.message}\n${usage}`);
  }
}

function whole(values, name) {
  if (values[name] === undefined) return undefined;
  const number = Number(values[name]);
  if (Number.isInteger(number) && number >= 1) return number;
  throw new SetupError(`--${name} must be a whole number of at least 1`);
}
