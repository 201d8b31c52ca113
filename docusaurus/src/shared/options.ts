// The plugin's options: what a site's owner writes, and the part of them that the reader's browser needs.

/** What may stand in docusaurus.config, every one of it optional. */
export interface PluginOptions {
  /** `'auto'`: rerank the search that is installed, or bring one. `'standalone'`: bring one. `'rerank'`: never bring one. */
  readonly mode: 'auto' | 'standalone' | 'rerank';
  /** Base results that the model reads. */
  readonly candidates: number;
  /** Results that the search dialog shows. */
  readonly results: number;
  /** Most tokens of question and section together. */
  readonly maxLength: number;
  /** Milliseconds that the reader may wait for the model's order; then the base order stays. */
  readonly budgetMs: number;
  /** When the model is fetched. */
  readonly load: 'on-focus' | 'idle' | 'on-submit';
  /** Whether readers who save data are spared the model. */
  readonly saveData: 'respect' | 'ignore';
  /** Share of the model in the order, from 0 (base order) to 1 (the model alone). */
  readonly blend: number;
  /** What lifts or lowers pages: globs on their path, weights above 0. */
  readonly boosts: readonly { readonly match: string; readonly weight: number }[];
  /** Globs of the paths that are searched; all when empty. */
  readonly include: readonly string[];
  /** Globs of the paths that are not searched. */
  readonly exclude: readonly string[];
  /** The deepest heading that begins a section: 3 is h3. */
  readonly headings: number;
  /** `'self'`: the model is copied into the site. `'hub'`: readers fetch it from where `model` says. */
  readonly hosting: 'self' | 'hub';
  /** A model folder in the site (hosting `'self'`), or `hf:org/name@revision` or a URL (hosting `'hub'`). */
  readonly model: string | null;
  readonly device: 'auto' | 'cpu' | 'webgpu';
  /** Workers that share a question's pairs. */
  readonly workers: 'auto' | number;
  /** Locales in which the model orders; others keep their base order. */
  readonly locales: readonly string[];
  /** Whether the own search has a page at /search. */
  readonly searchPage: boolean;
  /** Ctrl/Cmd+K and / open the own search. */
  readonly hotkeys: boolean;
}

/** What the browser half reads. */
export interface ClientOptions
  extends Pick<
    PluginOptions,
    | 'candidates'
    | 'results'
    | 'maxLength'
    | 'budgetMs'
    | 'load'
    | 'saveData'
    | 'blend'
    | 'device'
    | 'workers'
    | 'hotkeys'
  > {
  /** `pattern` is the source of a RegExp on a page's path after the base URL, with a leading slash. */
  readonly boosts: readonly { readonly pattern: string; readonly weight: number }[];
}
