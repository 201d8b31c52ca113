// Writes the index of one locale: one file for each tag (a version of a docs plugin, or all other pages), and the list.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { IndexEntry, IndexList } from '../shared/index-file.js';
import { type Packed, packIndex } from './index-file.js';
import type { Page } from './page.js';

/** What Docusaurus knows of a version of a docs plugin, by its tag. */
export type Versions = ReadonlyMap<string, { version: string; label: string; latest: boolean }>;

export interface WrittenIndex extends IndexEntry {
  readonly packed: Packed;
}

/** Writes index.json and its files into `folder`, the site's `crossrank/`. */
export function writeIndex(
  folder: string,
  locale: string,
  pages: readonly Page[],
  versions: Versions,
): WrittenIndex[] {
  const groups = new Map<string, Page[]>();
  for (const page of pages) groups.set(page.tag, [...(groups.get(page.tag) ?? []), page]);
  mkdirSync(folder, { recursive: true });
  const written = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([tag, group]) => {
      const packed = packIndex(group);
      const file = `${tag.replace(/[^\w.-]/g, '_')}-${packed.hash}.json`;
      writeFileSync(path.join(folder, file), packed.json);
      const about = versions.get(tag);
      const entry: IndexEntry = {
        tag,
        version: about?.version ?? null,
        label: about?.label ?? null,
        latest: about?.latest ?? true,
        file,
        bytes: packed.bytes,
        gzipBytes: packed.gzipBytes,
        pages: group.length,
        sections: packed.sections,
      };
      return { ...entry, packed };
    });
  const indexes = written.map(({ packed: _, ...entry }) => entry);
  const list: IndexList = { v: 1, locale, indexes };
  writeFileSync(path.join(folder, 'index.json'), JSON.stringify(list));
  return written;
}

/** Removes what an earlier run of `docusaurus start` left. */
export function emptyFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
