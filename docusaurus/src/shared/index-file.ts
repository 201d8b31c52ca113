// The index: a list of files (index.json), one file for each version of each docs plugin and one for all other pages.
// Types, and the reader that the browser and the tests share.

/** index.json. Never cached for long; the files that it names have their content's hash in the name. */
export interface IndexList {
  readonly v: 1;
  readonly locale: string;
  readonly indexes: readonly IndexEntry[];
}

export interface IndexEntry {
  /** Docusaurus' own `docusaurus_tag`: `docs-<plugin id>-<version>`, or `default` for pages and blog. */
  readonly tag: string;
  readonly version: string | null;
  readonly label: string | null;
  /** Of several versions of one docs plugin, the one that readers see first. */
  readonly latest: boolean;
  /** Relative to index.json. */
  readonly file: string;
  readonly bytes: number;
  readonly gzipBytes: number;
  readonly pages: number;
  readonly sections: number;
}

/** An index file. Paths are relative to the base URL. */
export interface IndexFile {
  readonly v: 1;
  readonly pages: readonly (readonly [path: string, title: string])[];
  readonly sections: readonly SectionRow[];
}

/** `page` is a place in `pages`; `level` is that of the heading, 1 for what precedes the first one. */
export type SectionRow =
  | readonly [page: number, level: number, hash: string, heading: string, text: string]
  | readonly [page: number, level: number, hash: string, heading: string, text: string, words: string];

export interface Section {
  /** Title of the page. */
  readonly page: string;
  /** Headings from below the title to the section's own; none for what precedes the first heading. */
  readonly headings: readonly string[];
  /** Base URL, path and hash. */
  readonly url: string;
  /** Prose and code, code with its line breaks. */
  readonly text: string;
  /** Further words of text that was cut off to keep the index small: lower case, each once. For finding only. */
  readonly words: string;
}

/** The sections of an index file. Throws when it is not one. */
export function decodeIndex(file: unknown, baseUrl: string): Section[] {
  const { v, pages, sections } = (file ?? {}) as Partial<IndexFile>;
  if (v !== 1 || !Array.isArray(pages) || !Array.isArray(sections)) throw new Error('not an index file');
  const above: { level: number; heading: string }[] = [];
  let lastPage = -1;
  return sections.map((row: SectionRow) => {
    const [at, level, hash, heading, text, words = ''] = row;
    const page = pages[at];
    if (page === undefined || ![hash, heading, text, words].every((part) => typeof part === 'string')) {
      throw new Error('damaged index file');
    }
    if (at !== lastPage) above.length = 0;
    lastPage = at;
    while ((above.at(-1)?.level ?? 0) >= level) above.pop();
    if (level > 1) above.push({ level, heading });
    return {
      page: page[1],
      headings: above.map((one) => one.heading),
      url: `${baseUrl}${page[0]}${hash && `#${hash}`}`,
      text,
      words,
    };
  });
}
