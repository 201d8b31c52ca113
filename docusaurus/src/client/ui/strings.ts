// Every sentence that a reader sees or hears once the search is open. Each is a literal call of `translate`, as `docusaurus write-translations`
// finds them; the languages that come with the package are in locales/.

import { translate } from '@docusaurus/Translate';

export const strings = {
  dialog: () => translate({ id: 'crossrank.dialog.label', message: 'Search this site' }),
  placeholder: () => translate({ id: 'crossrank.input.placeholder', message: 'Search, or ask a question' }),
  close: () => translate({ id: 'crossrank.dialog.close', message: 'Close' }),
  results: () => translate({ id: 'crossrank.results.label', message: 'Results' }),
  none: (query: string) =>
    translate({ id: 'crossrank.results.none', message: 'Nothing found for “{query}”.' }, { query }),
  /** One message for each plural form of the language, parted by `|`. */
  count: () =>
    translate({
      id: 'crossrank.results.count',
      message: 'One result|{count} results',
      description: 'Plural forms of the language, parted by "|", as Docusaurus does elsewhere',
    }),
  reordered: (results: string) =>
    translate(
      { id: 'crossrank.results.reordered', message: '{results}, reordered by relevance' },
      { results },
    ),
  searching: () => translate({ id: 'crossrank.state.searching', message: 'Searching …' }),
  failed: () =>
    translate({
      id: 'crossrank.state.failed',
      message: 'The search index could not be loaded. Check the connection and try again.',
    }),
  base: () => translate({ id: 'crossrank.state.base', message: 'Basic order' }),
  reading: () => translate({ id: 'crossrank.state.reading', message: 'Reading the results …' }),
  reranked: () => translate({ id: 'crossrank.state.reranked', message: 'Ordered by relevance' }),
  better: () => translate({ id: 'crossrank.state.better', message: 'A better order is ready' }),
  starting: () => translate({ id: 'crossrank.state.starting', message: 'Starting the ranking model …' }),
  loading: (loaded: string, total: string) =>
    translate(
      { id: 'crossrank.state.loading', message: 'Loading the ranking model: {loaded} of {total} MB' },
      { loaded, total },
    ),
  noModel: (code: string) =>
    translate(
      { id: 'crossrank.state.noModel', message: 'Basic order: the ranking model is not available ({code})' },
      { code },
    ),
  showBetter: () => translate({ id: 'crossrank.action.better', message: 'Show it' }),
  improve: () => translate({ id: 'crossrank.action.improve', message: 'Improve the order' }),
  improveSize: (size: string) =>
    translate(
      { id: 'crossrank.action.improveSize', message: 'Improve the order (loads {size} MB)' },
      { size },
    ),
  all: () => translate({ id: 'crossrank.action.all', message: 'All results' }),
  keyMove: () => translate({ id: 'crossrank.keys.move', message: 'to move' }),
  keyOpen: () => translate({ id: 'crossrank.keys.open', message: 'to open' }),
  keyClose: () => translate({ id: 'crossrank.keys.close', message: 'to close' }),
  pageTitle: () => translate({ id: 'crossrank.page.title', message: 'Search' }),
  pageTitleFor: (query: string) =>
    translate({ id: 'crossrank.page.titleFor', message: 'Search results for “{query}”' }, { query }),
};

/** Megabytes with one decimal, as the language writes them. */
export function megabytes(bytes: number, locale: string): string {
  return (bytes / 1e6).toLocaleString(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
}
