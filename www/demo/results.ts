// Draws the result list: one row an item, reused across orders, so that a new order is seen as rows gliding to new
// places. Text reaches the page as text nodes only. The hooks for tests are documented in view.ts.

import type { Item } from './items.js';

/** One row of the list, in the order to show. */
export interface Row {
  readonly item: Item;
  /** Place in the first stage's order, from 1. */
  readonly lexicalRank: number;
  /** Absent until the model has scored the item. */
  readonly score: number | undefined;
  /** Place in the reranked order, from 1; absent likewise. */
  readonly rank: number | undefined;
}

/** Lines of a chunk shown before "show all". */
const PREVIEW_LINES = 8;
const GLIDE_MS = 450;

interface Parts {
  readonly row: HTMLLIElement;
  readonly place: HTMLElement;
  readonly move: HTMLElement;
  readonly score: HTMLElement;
}

export class ResultList {
  #rows = new Map<Item, Parts>();

  constructor(private readonly list: HTMLOListElement) {}

  /** Shows the rows in the order given. Rows that stay glide when `glide` is set and the reader allows motion. */
  show(rows: readonly Row[], order: 'lexical' | 'reranked', glide: boolean): void {
    const before =
      glide && !matchMedia('(prefers-reduced-motion: reduce)').matches ? this.#tops() : new Map();
    const focused = document.activeElement;
    const kept = new Map<Item, Parts>();
    const range = scoreRange(rows);
    rows.forEach((row, index) => {
      const parts = this.#rows.get(row.item) ?? makeRow(row.item);
      fill(parts, row, index + 1, order, range);
      kept.set(row.item, parts);
    });
    this.#rows = kept;
    this.list.replaceChildren(...Array.from(kept.values(), ({ row }) => row));
    // Moving a row takes the focus from what is in it.
    if (focused instanceof HTMLElement && this.list.contains(focused)) focused.focus({ preventScroll: true });
    for (const { row } of kept.values()) {
      const from = before.get(row);
      if (from === undefined) continue;
      const distance = from - row.getBoundingClientRect().top;
      if (distance === 0) continue;
      row.animate([{ transform: `translateY(${distance}px)` }, { transform: 'none' }], {
        duration: GLIDE_MS,
        easing: 'cubic-bezier(0.2, 0.8, 0.2, 1)',
      });
    }
  }

  #tops(): Map<HTMLLIElement, number> {
    return new Map(Array.from(this.#rows.values(), ({ row }) => [row, row.getBoundingClientRect().top]));
  }
}

function makeRow(item: Item): Parts {
  const place = element('span', 'place');
  const move = element('span', 'move');
  const score = element('span', 'score');
  const title = element('h3', 'title');
  title.append(breakable(item.title));
  const origin = element('p', 'origin', item.origin);
  const head = element('div', 'row-head');
  head.append(title, origin, score);
  const row = document.createElement('li');
  row.dataset.chunk = String(item.id);
  const gutter = element('div', 'gutter');
  gutter.append(place, move);
  const body = element('div', 'row-body');
  body.append(head, ...code(item));
  row.append(gutter, body);
  return { row, place, move, score };
}

function code(item: Item): HTMLElement[] {
  const lines = item.text.split('\n').length;
  const pre = element('pre', 'code', item.text);
  pre.id = `text-${item.id}`;
  // Long lines scroll within the block, also by keyboard.
  pre.tabIndex = 0;
  pre.setAttribute('role', 'group');
  pre.setAttribute('aria-label', `Text of ${item.title}`);
  if (lines <= PREVIEW_LINES + 2) return [pre];
  pre.classList.add('short');
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'more';
  button.setAttribute('aria-controls', pre.id);
  const label = () => {
    const short = pre.classList.contains('short');
    button.textContent = short ? `Show all ${lines} lines` : 'Show fewer';
    button.setAttribute('aria-expanded', String(!short));
  };
  button.addEventListener('click', () => {
    pre.classList.toggle('short');
    label();
  });
  label();
  return [pre, button];
}

function fill(parts: Parts, row: Row, shown: number, order: 'lexical' | 'reranked', range: ScoreRange): void {
  const { lexicalRank, rank, score } = row;
  parts.row.dataset.lexicalRank = String(lexicalRank);
  parts.place.textContent = String(shown);
  if (score === undefined || rank === undefined) {
    delete parts.row.dataset.score;
    parts.move.replaceChildren();
    parts.score.replaceChildren();
    return;
  }
  parts.row.dataset.score = String(score);
  parts.move.replaceChildren(...mark(lexicalRank, rank, order));
  const bar = element('span', 'bar');
  bar.setAttribute('aria-hidden', 'true');
  bar.style.setProperty('--share', String((score - range.min) / (range.max - range.min || 1)));
  // A minus sign lines up with the digits and is read out.
  parts.score.replaceChildren(bar, hidden('score '), score.toFixed(2).replace('-', '−'));
}

/** What the reranker did to the row: ▲3, ▼2 or =, and the same in words for who cannot see it. */
function mark(lexicalRank: number, rank: number, order: 'lexical' | 'reranked'): HTMLElement[] {
  const up = lexicalRank - rank;
  const sign = element('span', up > 0 ? 'up' : up < 0 ? 'down' : 'same');
  sign.textContent = up > 0 ? `▲${up}` : up < 0 ? `▼${-up}` : '=';
  sign.setAttribute('aria-hidden', 'true');
  const moved = up === 0 ? 'stays' : `${up > 0 ? 'up' : 'down'} ${Math.abs(up)}`;
  return [sign, hidden(order === 'reranked' ? `${moved}, was ${lexicalRank}` : `${moved}, becomes ${rank}`)];
}

interface ScoreRange {
  readonly min: number;
  readonly max: number;
}

function scoreRange(rows: readonly Row[]): ScoreRange {
  const scores = rows.flatMap(({ score }) => (score === undefined ? [] : [score]));
  return { min: Math.min(...scores), max: Math.max(...scores) };
}

/** A path that may wrap after its slashes, but not within its line numbers. */
function breakable(path: string): DocumentFragment {
  const out = document.createDocumentFragment();
  for (const part of path.split(/(?<=\/)|(?=:\d)/)) {
    out.append(part.startsWith(':') ? element('span', 'lines', part) : part, document.createElement('wbr'));
  }
  return out;
}

function hidden(text: string): HTMLElement {
  return element('span', 'visually-hidden', text);
}

function element(tag: string, className: string, text = ''): HTMLElement {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
