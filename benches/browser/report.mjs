// The measured rows as a table for people. Ratios are between minima of the same run.
import { f32, oneWorker, peerTuned, twoWorkers } from './engines.mjs';

const min = (values = []) => (values.length === 0 ? undefined : Math.min(...values));

export function median(values) {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const fixed = (value, digits) => (value === undefined ? '-' : value.toFixed(digits));

/** Lines of cells as aligned text; the first column to the left, the rest to the right. */
function table(lines) {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const cell = (text, column) => (column === 0 ? text.padEnd(widths[column]) : text.padStart(widths[column]));
  return lines.map((line) => line.map(cell).join('  ').trimEnd()).join('\n');
}

/** CPU seconds where the machine tells them, else wall seconds. */
const cost = (row) => row && (min(row.cpu) ?? (row.wall.length > 0 ? min(row.wall) / 1000 : undefined));

const find = (rows, engine, workload) =>
  rows.find((row) => row.engine === engine && row.workload === workload);

const ratio = (a, b) => (a === undefined || b === undefined ? undefined : a / b);

export function throughputTable(rows) {
  const head = [
    '',
    'CPU s min',
    'median',
    'wall ms min',
    'median',
    'CPU ms a token',
    'tuned peer / this',
    'order vs f32',
  ];
  const reference = find(rows, f32, 'b')?.scores;
  const blocks = [...new Set(rows.map((row) => row.workload))].map((workload) => {
    const lines = rows
      .filter((row) => row.workload === workload)
      .map((row) => {
        if (row.error !== undefined && row.wall.length === 0)
          return [row.engine, 'failed', ...Array(6).fill('-')];
        const perToken = ratio(cost(row), row.tokens / 1000);
        const faster = ratio(cost(find(rows, peerTuned, workload)), cost(row));
        const agreement =
          workload === 'b' && reference && row.scores ? spearman(reference, row.scores) : undefined;
        return [
          row.engine,
          ...[
            fixed(min(row.cpu), 2),
            fixed(median(row.cpu), 2),
            fixed(min(row.wall), 0),
            fixed(median(row.wall), 0),
          ],
          ...[fixed(perToken, 3), fixed(faster, 2), fixed(agreement, 4)],
        ];
      });
    return table([[workload, ...head.slice(1)], ...lines]);
  });
  return [...blocks, ...poolLine(rows)].join('\n\n');
}

function poolLine(rows) {
  const [one, two] = [oneWorker, twoWorkers].map((engine) => find(rows, engine, 'b'));
  const speedup = ratio(min(one?.wall), min(two?.wall));
  if (speedup === undefined) return [];
  const used = two.facts.workers;
  return [`pool: b in ${speedup.toFixed(2)} times less wall time (2 workers asked for, ${used} used)`];
}

export function coldTable(rows, emptyPage) {
  const head = [
    'cold',
    'first score ms min',
    'median',
    'second visit ms min',
    'median',
    'renderer peak MiB',
    'of it private',
    'code bytes raw',
    'gzip',
    'brotli',
  ];
  const lines = rows.map((row) => {
    if (row.error !== undefined) return [row.engine, 'failed', ...Array(8).fill('-')];
    const { raw, gzip, brotli } = row.bytes ?? {};
    const times = [row.ms, row.againMs].flatMap((ms) => [fixed(min(ms), 0), fixed(median(ms), 0)]);
    const memory = [fixed(median(row.peakMiB), 0), fixed(median(row.privateMiB), 0)];
    return [row.engine, ...times, ...memory, fixed(raw, 0), fixed(gzip, 0), fixed(brotli, 0)];
  });
  const empty =
    emptyPage === undefined
      ? []
      : [
          [
            'an empty page',
            ...Array(4).fill('-'),
            fixed(emptyPage.residentMiB, 0),
            fixed(emptyPage.privateMiB, 0),
            '-',
            '-',
            '-',
          ],
        ];
  return table([head, ...lines, ...empty]);
}

/** The sentences that the README quotes. */
export function demoLines(rows) {
  return [20, 50].flatMap((count) => {
    const row = find(rows, oneWorker, `demo${count}`);
    if (!row || row.wall.length === 0) return [];
    return [
      `${count} chunks in ${fixed(median(row.wall), 0)} ms, one worker (minimum ${fixed(min(row.wall), 0)} ms)`,
    ];
  });
}

/** Rank correlation of two lists of scores; equal scores share their mean rank. */
export function spearman(a, b) {
  const [x, y] = [ranks(a), ranks(b)];
  const mean = (a.length - 1) / 2;
  const product = (p, q) => p.reduce((sum, value, i) => sum + (value - mean) * (q[i] - mean), 0);
  return product(x, y) / Math.sqrt(product(x, x) * product(y, y));
}

function ranks(values) {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal - 1) / 2;
  });
}
