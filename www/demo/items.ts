// What the page lists: pieces of text to rank, from the packages' chunks or from the reader's own paste. Plain
// data, the same shape for both, so that search, ranking and view need not know where an item came from.

export interface Item {
  /** Place in the corpus; the same item keeps it across queries. */
  readonly id: number;
  readonly text: string;
  /** What is put before the text for the model, as `package/path`; own documents have none. */
  readonly path: string | undefined;
  /** Shown as the item's heading. */
  readonly title: string;
  /** Shown beside it: package, version and licence, or where in the paste it stood. */
  readonly origin: string;
}

/** Lines of nothing but dashes; where there are none, blank lines part the documents. */
const RULE = /^\s*-{3,}\s*$/m;
const BLANK_LINES = /\n[ \t]*\n/;

/** The reader's own documents from one pasted text. */
export function itemsFromPaste(paste: string): Item[] {
  const text = paste.replaceAll('\r\n', '\n');
  const blocks = RULE.test(text) ? text.split(new RegExp(RULE, 'gm')) : text.split(BLANK_LINES);
  return blocks
    .map((block) => block.replace(/^\s*\n|\s+$/g, ''))
    .filter((block) => block !== '')
    .map((block, index) => ({
      id: index,
      text: block,
      path: undefined,
      title: `Document ${index + 1}`,
      origin: 'your own text',
    }));
}
