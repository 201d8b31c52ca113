// The modules of other search plugins that the build puts behind these names (src/server/bundle.ts).
declare module '@crossrank/easyops-search' {
  export function fetchIndexesByWorker(baseUrl: string, searchContext: string): Promise<void>;
  export function searchByWorker(
    baseUrl: string,
    searchContext: string,
    input: string,
    limit: number,
  ): Promise<import('./easyops-results.js').EasyopsResult[]>;
}

declare module '@crossrank/lunr-search' {
  export interface LunrDocument {
    readonly title: string;
    readonly pageTitle?: string;
    readonly url: string;
    readonly content?: string;
  }
  export interface LunrHit {
    readonly hierarchy: { readonly lvl0: string; readonly lvl1: string | null };
    readonly url: string;
    /** The text around the word; null for a hit in a title. */
    readonly _snippetResult: unknown;
  }
  export default class LunrSearchAdapter {
    constructor(
      searchDocs: LunrDocument[],
      searchIndex: unknown,
      baseUrl: string | undefined,
      maxHits: number,
    );
    readonly searchDocs: LunrDocument[];
    search(input: string): Promise<LunrHit[]>;
  }
}
