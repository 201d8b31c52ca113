// Makes an index file small enough: what is cut off is first the end of long sections, whose words stay findable.
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { IndexFile, SectionRow } from '../shared/index-file.js';
import type { Page } from './page.js';

/** An index of up to 500 pages has at most so many bytes, compressed; a larger one in proportion. */
export const GZIP_BYTES_PER_500_PAGES = 300_000;

/** How much of a section stays, from everything a model can read to what still tells sections apart. */
const STEPS: readonly Cut[] = [
  ...[2400, 1600, 1200, 900, 700, 550, 450, 350, 275].map((characters) => ({ characters, words: 400 })),
  ...[40, 20, 10, 5, 0].map((words) => ({ characters: 275, words })),
  ...[220, 160, 120, 80, 40, 0].map((characters) => ({ characters, words: 0 })),
];

interface Cut {
  /** Most characters of a section's text. */
  readonly characters: number;
  /** Most words that are kept of the rest. */
  readonly words: number;
}

export interface Packed {
  readonly json: string;
  readonly hash: string;
  readonly bytes: number;
  readonly gzipBytes: number;
  readonly sections: number;
  /** How it was cut. */
  readonly cut: Cut;
  /** Sections that lost text. */
  readonly shortened: number;
}

/** The first step at which the pages fit. */
export function packIndex(pages: readonly Page[]): Packed {
  const limit = GZIP_BYTES_PER_500_PAGES * Math.max(1, pages.length / 500);
  const rarity = countSections(pages);
  let [low, high] = [0, STEPS.length - 1];
  let best: Packed | undefined;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const packed = pack(pages, STEPS[middle] as Cut, rarity);
    if (packed.gzipBytes <= limit) {
      best = packed;
      high = middle - 1;
    } else low = middle + 1;
  }
  return best ?? pack(pages, STEPS.at(-1) as Cut, rarity);
}

function pack(pages: readonly Page[], cut: Cut, rarity: ReadonlyMap<string, number>): Packed {
  let shortened = 0;
  const rows: SectionRow[] = [];
  pages.forEach((page, at) => {
    for (const { level, hash, heading, text } of page.sections) {
      const kept = shorten(text, cut.characters);
      if (kept.length === text.length) rows.push([at, level, hash, heading, text]);
      else {
        shortened += 1;
        rows.push([at, level, hash, heading, kept, restWords(text, kept, heading, cut.words, rarity)]);
      }
    }
  });
  const file: IndexFile = { v: 1, pages: pages.map((page) => [page.path, page.title]), sections: rows };
  const json = JSON.stringify(file);
  return {
    json,
    hash: createHash('sha256').update(json).digest('hex').slice(0, 8),
    bytes: Buffer.byteLength(json),
    gzipBytes: gzipSync(json).length,
    sections: rows.length,
    cut,
    shortened,
  };
}

/** Cut at the end of a word; no half of a surrogate pair stays. */
function shorten(text: string, characters: number): string {
  if (text.length <= characters) return text;
  const head = text.slice(0, characters);
  const space = head.search(/\s\S*$/);
  return (space > characters / 2 ? head.slice(0, space) : head).replace(/[\ud800-\udbff]$/, '').trimEnd();
}

const wordsOf = (text: string) => new Set(text.toLowerCase().match(/[\p{L}\p{N}_]{2,40}/gu) ?? []);

/** The words that only the part cut off has; when there are too many, those that the fewest sections have. */
function restWords(
  text: string,
  kept: string,
  heading: string,
  most: number,
  rarity: ReadonlyMap<string, number>,
): string {
  if (most === 0) return '';
  const known = wordsOf(`${heading} ${kept}`);
  const rest = [...wordsOf(text.slice(kept.length))].filter((word) => !known.has(word));
  if (rest.length <= most) return rest.join(' ');
  const chosen = new Set(rest.sort((a, b) => (rarity.get(a) ?? 0) - (rarity.get(b) ?? 0)).slice(0, most));
  return [...chosen].join(' ');
}

/** In how many sections each word stands. */
function countSections(pages: readonly Page[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { sections } of pages) {
    for (const { text } of sections)
      for (const word of wordsOf(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}
