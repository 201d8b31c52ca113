// The results of @easyops-cn/docusaurus-search-local, put in another order so that its templates still draw them right:
// a page's title, when it is among the results, is drawn as the root of a tree of those of its sections that follow it.

/** Kinds of results, as that plugin numbers them. */
export const TITLE = 0;
export const KEYWORDS = 3;
export const CONTENT = 4;

export interface EasyopsDocument {
  /** A number of its own. */
  readonly i: number;
  /** The text that matched: a title, a heading, or a section's text. */
  readonly t: string;
  /** The page's path with base URL. */
  readonly u: string;
  /** The section's hash with its `#`. */
  readonly h?: string;
  /** The page's number. */
  readonly p?: number;
  /** Breadcrumbs. */
  readonly b?: string[];
  /** The section's heading. */
  readonly s?: string;
}

export interface EasyopsResult {
  readonly document: EasyopsDocument;
  readonly type: number;
  readonly page: EasyopsDocument | false | undefined;
  readonly metadata: Record<string, unknown>;
  readonly tokens: string[];
  readonly score?: number;
  readonly index?: number;
  readonly isInterOfTree?: boolean;
  readonly isLastOfTree?: boolean;
}

/** The document that stands for a result's page. */
const rootOf = ({ type, document, page }: EasyopsResult): EasyopsDocument =>
  type === TITLE || !page ? document : page;

const isRoot = (result: EasyopsResult) => result.type === TITLE || result.type === KEYWORDS;

/**
 * Results in the order of `ranked`, best first, with their tree flags made anew. What is worse than its page's title
 * moves up to it, so that a tree is in one piece; what is better stays before it.
 */
export function asTrees(ranked: readonly EasyopsResult[]): EasyopsResult[] {
  const below = new Map<EasyopsDocument, EasyopsResult[]>();
  const seenRoots = new Set<EasyopsDocument>();
  const top: EasyopsResult[] = [];
  for (const result of ranked) {
    const root = rootOf(result);
    if (!isRoot(result) && seenRoots.has(root)) below.set(root, [...(below.get(root) ?? []), result]);
    else {
      if (isRoot(result)) seenRoots.add(root);
      top.push(result);
    }
  }
  return top.flatMap((result) => {
    const { isInterOfTree: _inter, isLastOfTree: _last, ...bare } = result;
    const children = isRoot(result) ? (below.get(rootOf(result)) ?? []) : [];
    below.delete(rootOf(result));
    return [bare, ...children.map((child, at) => asChild(child, at === children.length - 1))];
  });
}

function asChild(result: EasyopsResult, last: boolean): EasyopsResult {
  const { isInterOfTree: _inter, isLastOfTree: _last, ...bare } = result;
  return last ? { ...bare, isLastOfTree: true } : { ...bare, isInterOfTree: true };
}
