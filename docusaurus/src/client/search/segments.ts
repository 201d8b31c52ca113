// What is shown of a text: pieces that say whether the query hit them, and the stretch of a long text that is worth
// showing. Pieces become text nodes; nothing here or later becomes HTML. Pure.

import { fold, queryTerms, type Word, words } from './terms.js';

export interface Segment {
  readonly text: string;
  /** Whether the query has this word. */
  readonly hit: boolean;
}

/** Characters before the first hit of a snippet. */
const LEAD = 40;

/** A text in pieces; put together again they are the text. */
export function segments(text: string, query: string, english: boolean): Segment[] {
  const isHit = hitTest(text, query, english);
  const out: Segment[] = [];
  let done = 0;
  for (const word of words(text, english)) {
    if (!isHit(word)) continue;
    if (word.start > done) out.push({ text: text.slice(done, word.start), hit: false });
    out.push({ text: text.slice(word.start, word.end), hit: true });
    done = word.end;
  }
  if (done < text.length) out.push({ text: text.slice(done), hit: false });
  return out;
}

/** The stretch of about `length` characters with the most different words of the query, in pieces. */
export function snippet(text: string, query: string, english: boolean, length: number): Segment[] {
  const flat = text.replace(/\s+/g, ' ').trim();
  if (flat.length <= length) return segments(flat, query, english);
  const isHit = hitTest(flat, query, english);
  const hits = Array.from(words(flat, english)).filter(isHit);
  const start = wordStart(flat, Math.max(0, bestStart(hits, length - LEAD) - LEAD));
  const end = wordEnd(flat, Math.min(flat.length, start + length));
  const out = segments(flat.slice(start, end), query, english);
  if (start > 0) out.unshift({ text: '… ', hit: false });
  if (end < flat.length) out.push({ text: ' …', hit: false });
  return out;
}

/** The stretch of a long text that says most about the query, as it stands; the beginning where nothing is hit. */
export function passage(text: string, query: string, length: number): string {
  if (text.length <= length) return text;
  const hits = Array.from(words(text, true)).filter(hitTest(text, query, true));
  const best = bestStart(hits, length - LEAD);
  // From the line's beginning, where that is near: a heading, a sentence or a statement.
  const line = text.lastIndexOf('\n', best) + 1;
  const start = best - line <= LEAD * 3 ? line : wordStart(text, Math.max(0, best - LEAD));
  const from = Math.max(0, Math.min(start, text.length - length));
  return text.slice(from, from + length);
}

function hitTest(text: string, query: string, english: boolean): (word: Word) => boolean {
  const { terms, prefix } = queryTerms(query, english);
  const wanted = new Set(terms);
  return ({ start, end, terms: own }) =>
    own.some((term) => wanted.has(term)) ||
    (prefix !== undefined && fold(text.slice(start, end)).startsWith(prefix));
}

/** Where the window begins that has the most different terms. */
function bestStart(hits: readonly Word[], length: number): number {
  let [best, most] = [hits[0]?.start ?? 0, 0];
  for (const [i, { start }] of hits.entries()) {
    const seen = new Set<string>();
    for (let j = i; j < hits.length; j++) {
      const hit = hits[j];
      if (hit === undefined || hit.end > start + length) break;
      seen.add(hit.terms.join(' '));
    }
    if (seen.size > most) [best, most] = [start, seen.size];
  }
  return best;
}

function wordStart(text: string, at: number): number {
  const space = text.lastIndexOf(' ', at);
  return at === 0 || space < at - LEAD ? at : space + 1;
}

function wordEnd(text: string, at: number): number {
  const space = text.lastIndexOf(' ', at);
  return at === text.length || space < at - LEAD ? at : space;
}
