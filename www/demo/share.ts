// What a reader can take away: the address of what is on the page, and the code that ranks the same. Pure.

/** What an address says. */
export interface Shared {
  readonly query: string;
  readonly candidates: number;
  readonly workers: 'auto' | number;
  /** The reader's own documents; null where package sources are searched. */
  readonly own: string | null;
}

/** Longer pastes do not fit an address that every program passes on. */
const LONGEST_OWN = 6000;

/**
 * The address of a state. Own documents stand in its fragment, which browsers do not send to the server. Null when
 * they are too long for an address.
 */
export function linkOf({ query, candidates, workers, own }: Shared, page: URL): string | null {
  if (own !== null && own.length > LONGEST_OWN) return null;
  const link = new URL(page);
  link.search = new URLSearchParams({
    q: query,
    candidates: String(candidates),
    workers: String(workers),
  }).toString();
  link.hash = own === null ? '' : new URLSearchParams({ own }).toString();
  return link.href;
}

/** What an address says; undefined where it says nothing, or nothing that can be used. */
export function readLink(link: URL): { readonly [K in keyof Shared]: Shared[K] | undefined } {
  const { searchParams, hash } = link;
  const workers = searchParams.get('workers');
  return {
    query: searchParams.get('q') ?? undefined,
    candidates: wholeNumber(searchParams.get('candidates')),
    workers: workers === 'auto' ? workers : wholeNumber(workers),
    own: new URLSearchParams(hash.slice(1)).get('own') ?? undefined,
  };
}

function wholeNumber(text: string | null): number | undefined {
  return text !== null && /^[1-9]\d{0,3}$/.test(text) ? Number(text) : undefined;
}

/** A program that ranks the same documents for the same question, ready to run where crossrank is installed. */
export function codeOf(
  query: string,
  documents: readonly { readonly text: string; readonly path: string | undefined }[],
  workers: 'auto' | number,
): string {
  const options = workers === 'auto' ? '' : `{ workers: ${workers} }`;
  return [
    "import { Reranker } from 'crossrank';",
    '',
    'const documents = [',
    ...documents.map(({ text, path }) => `  ${literal(path === undefined ? text : { path, text })},`),
    '];',
    '',
    `const reranker = await Reranker.load(${options});`,
    `const ranked = await reranker.rank(${literal(query)}, documents);`,
    'console.log(ranked);',
    'await reranker.dispose();',
    '',
  ].join('\n');
}

/** JSON is JavaScript, but inside a page's script `</script>` would end it. */
function literal(value: unknown): string {
  return JSON.stringify(value).replaceAll('</', '<\\/');
}
