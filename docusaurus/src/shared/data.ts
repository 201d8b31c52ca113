// What the build tells the reader's browser: the plugin's global data.
import type { ClientOptions } from './options.js';

export const PLUGIN_NAME = 'docusaurus-plugin-crossrank';

export interface CrossrankData {
  /** `'standalone'`: our search bar and page. `'rerank'`: those of another plugin. */
  readonly mode: 'standalone' | 'rerank';
  /** Base URL of this locale; ends in a slash. */
  readonly baseUrl: string;
  /** The list of index files. */
  readonly indexUrl: string;
  /** Path of the own search page; null where there is none. */
  readonly searchPath: string | null;
  /** For `Reranker.load({ model })`; null where this locale keeps its base order. */
  readonly model: string | null;
  /** Bytes of the model; null when it lies elsewhere. */
  readonly modelBytes: number | null;
  readonly options: ClientOptions;
}
