// Cuts one source into chunks of at most MAX_LINES lines at the cheapest borders (borders.mjs): first between
// items or headings, then inside the long ones. Every chunk is a run of whole lines; no line is in two chunks.
// Pure; called by main.mjs for every file.

import { borderCosts, ITEM_COST } from './borders.mjs';

/** About what 512 tokens hold: a longer chunk would be truncated by the model. */
export const MAX_LINES = 40;
/** Neighbouring small items share a chunk up to this many lines; one-line chunks rank badly. */
const FILL_LINES = 18;
const TINY_LINES = 3;
/** Fewer letters than this and a chunk says nothing ("}", "impl X {"). */
const MIN_LETTERS = 40;

/**
 * @param {string} text
 * @param {'rust' | 'script' | 'markdown'} language
 * @returns {{ startLine: number, endLine: number, text: string }[]} 1-based, inclusive, in file order
 */
export function cut(text, language) {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const costs = borderCosts(lines, language);
  return split(0, lines.length, costs)
    .map(([start, end]) => trim(lines, start, end))
    .filter(([start, end]) => letters(lines, start, end) >= MIN_LETTERS)
    .map(([start, end]) => ({
      startLine: start + 1,
      endLine: end,
      text: lines.slice(start, end).join('\n'),
    }));
}

/** Ranges [start, end) that cover the range given. */
function split(start, end, costs) {
  const length = end - start;
  let cheapest = Number.POSITIVE_INFINITY;
  for (let i = start + 1; i < end; i++) cheapest = Math.min(cheapest, costs[i]);
  const atItems = cheapest <= ITEM_COST;
  if (length <= FILL_LINES || (length <= MAX_LINES && !atItems)) return [[start, end]];

  const pieces = [];
  let from = start;
  for (let i = start + 1; i <= end; i++) {
    if (i < end && (costs[i] > cheapest || (!atItems && i - from < 2))) continue;
    pieces.push([from, i]);
    from = i;
  }
  // No border is worth more than another: halves keep what is left in reach of the cap.
  if (pieces.length === 1) {
    if (length <= MAX_LINES) return pieces;
    const middle = start + Math.ceil(length / 2);
    pieces.splice(0, 1, [start, middle], [middle, end]);
  }
  return merge(
    pieces.map(([a, b]) => split(a, b, costs)),
    atItems,
  );
}

/**
 * Joins neighbours: parts of one item up to MAX_LINES, whole items up to FILL_LINES. The tail of an item that had
 * to be split does not take in the next item. What is tiny ("impl X {", "}") joins whatever leaves room.
 */
function merge(groups, atItems) {
  const out = [];
  let lastWhole = true;
  for (const group of groups) {
    const whole = group.length === 1;
    for (const [start, end] of group) {
      const last = out.at(-1);
      if (last !== undefined) {
        const tiny = last[1] - last[0] <= TINY_LINES || end - start <= TINY_LINES;
        const limit = tiny || !atItems ? MAX_LINES : whole && lastWhole ? FILL_LINES : 0;
        if (end - last[0] <= limit) {
          last[1] = end;
          continue;
        }
      }
      out.push([start, end]);
    }
    lastWhole = whole;
  }
  return out;
}

/** Without blank lines at either end. */
function trim(lines, start, end) {
  let a = start;
  let b = end;
  while (a < b && lines[a].trim() === '') a++;
  while (b > a && lines[b - 1].trim() === '') b--;
  return [a, b];
}

function letters(lines, start, end) {
  return lines.slice(start, end).join('').replace(/\s+/g, '').length;
}
