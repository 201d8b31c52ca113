// Takes the place of the class that searches in docusaurus-lunr-search. Its search bar draws hits page by page, in the
// order in which pages come first.
import LunrSearchAdapter, { type LunrHit } from '@crossrank/lunr-search';
import { crossrankData } from '../data.js';
import { prepareOnFocus } from './focus.js';

/** A hit is a word in a place, so a section has several. */
const HITS_PER_SECTION = 5;

export default class RerankedLunrSearch extends LunrSearchAdapter {
  readonly #limit: number;
  #latest: Promise<LunrHit[]> | undefined;

  constructor(
    ...[searchDocs, searchIndex, baseUrl, maxHits]: ConstructorParameters<typeof LunrSearchAdapter>
  ) {
    // More of the same list: its first `maxHits` are those that would be shown without us.
    super(
      searchDocs,
      searchIndex,
      baseUrl,
      Math.max(maxHits, HITS_PER_SECTION * crossrankData().options.candidates),
    );
    this.#limit = maxHits;
    prepareOnFocus();
  }

  override async search(input: string): Promise<LunrHit[]> {
    const mine = this.#search(input);
    this.#latest = mine;
    const hits = await mine;
    return this.#latest === mine ? hits : await this.#latest;
  }

  async #search(input: string): Promise<LunrHit[]> {
    const hits = await super.search(input);
    const rerank = await import('./lunr-rerank.js').catch(() => undefined);
    const ordered = await rerank?.rerankHits(input, hits, (url) => this.#content(url));
    return (ordered ?? hits).slice(0, this.#limit);
  }

  /** The text that the plugin's own index has for a hit. */
  #content(url: string): string {
    return this.searchDocs.find((document) => document.url === url)?.content ?? '';
  }
}
