// The plugin: cuts the site into sections, puts an index and the model beside it, and takes the place of one module
// of the search that is installed, or brings a search of its own.
import path from 'node:path';
import logger from '@docusaurus/logger';
import { readDefaultCodeTranslationMessages } from '@docusaurus/theme-translations';
import type { LoadContext, Plugin } from '@docusaurus/types';
import { type CrossrankData, PLUGIN_NAME } from '../shared/data.js';
import type { PluginOptions } from '../shared/options.js';
import { builtPages } from './built-pages.js';
import {
  BROWSER,
  OWN_THEME,
  type Replace,
  replaceDefaultModel,
  replacement,
  replaceQueryModule,
} from './bundle.js';
import { configuredSearch, winningSearch } from './detect.js';
import { pathFilter } from './globs.js';
import { copyModel, findModel } from './model.js';
import { clientOptions, servesLocale } from './options.js';
import { report } from './report.js';
import { sourcePages, versionsOf } from './source-pages.js';
import { emptyFolder, type Versions, writeIndex } from './write-index.js';

/** Docusaurus' hook: what `docusaurus swizzle` may do. Wrapping keeps the components' own parts where they are. */
export function getSwizzleConfig() {
  const actions = { wrap: 'safe', eject: 'forbidden' } as const;
  return { components: { SearchBar: { actions }, SearchPage: { actions } } };
}

export type { PluginOptions } from '../shared/options.js';
export { validateOptions } from './options.js';

export default function pluginCrossrank(context: LoadContext, options: PluginOptions): Plugin {
  const { siteDir, siteConfig, baseUrl, i18n } = context;
  const locale = i18n.currentLocale;
  const inDevelopment = process.env.NODE_ENV === 'development';
  const search = options.mode === 'standalone' ? undefined : configuredSearch(siteConfig);
  // In `docusaurus start` docusaurus-lunr-search has no index and disables its field; ours stands in.
  const own = options.mode !== 'rerank' && (search === undefined || (search === 'lunr' && inDevelopment));
  const model = servesLocale(options.locales, locale) ? findModel(options, siteDir) : undefined;
  const wanted = pathFilter(options.include, options.exclude);
  const developmentFolder = path.join(context.generatedFilesDir, PLUGIN_NAME, 'start');
  const searchPath = own && options.searchPage ? `${baseUrl}search` : null;
  let versions: Versions = new Map();
  if (inDevelopment) emptyFolder(developmentFolder);

  return {
    name: PLUGIN_NAME,

    ...(own && { getThemePath: () => OWN_THEME }),

    getClientModules: () =>
      options.load === 'idle' && model !== undefined ? [path.join(BROWSER, 'client/adapters/idle.js')] : [],

    getDefaultCodeTranslationMessages: () =>
      readDefaultCodeTranslationMessages({
        dirPath: path.join(BROWSER, '../../locales'),
        locale,
        name: 'plugin-crossrank',
      }),

    contentLoaded({ actions }) {
      const data: CrossrankData = {
        mode: own ? 'standalone' : 'rerank',
        baseUrl,
        indexUrl: `${baseUrl}crossrank/index.json`,
        searchPath,
        model: model?.url(baseUrl) ?? null,
        modelBytes: model?.bytes ?? null,
        options: clientOptions(options),
      };
      actions.setGlobalData(data);
      if (searchPath !== null)
        actions.addRoute({ path: searchPath, component: '@theme/SearchPage', exact: true });
    },

    async allContentLoaded({ allContent }) {
      versions = versionsOf(allContent);
      if (!inDevelopment) return;
      const pages = await sourcePages(allContent, { siteDir, baseUrl }, wanted, options.headings);
      writeIndex(developmentFolder, locale, pages, versions);
    },

    configureWebpack(config, isServer, utils) {
      // Nothing is ranked on the server, or where the model serves not: the wasm files need not be there.
      const alias: Record<string, string | false> =
        isServer || model === undefined ? { crossrank$: false } : {};
      const replaces: Replace[] = replaceDefaultModel(siteDir);
      const winner = winningSearch(
        (config.resolve?.alias ?? {}) as Record<string, unknown>,
        siteDir,
        OWN_THEME,
      );
      if (own && winner.search !== 'own' && !winner.swizzled) {
        if (winner.search === 'unknown' && options.mode === 'auto') warnUnknown(winner.file);
        else
          replaces.push({
            pattern: /^@theme\/SearchBar$/,
            inside: null,
            by: path.join(OWN_THEME, 'SearchBar/index.js'),
          });
      }
      const other = own ? undefined : (search ?? winner.search);
      if (other === 'easyops' || other === 'lunr') {
        const found = replaceQueryModule(other, siteDir);
        if (found === undefined) warnLayout(other);
        else {
          replaces.push(found.replace);
          Object.assign(alias, found.alias);
        }
      }
      return {
        resolve: { alias },
        plugins: replaces.map((one) => replacement(utils, one)),
        ...(inDevelopment && { devServer: { static: developmentFiles() } }),
      } as ReturnType<NonNullable<Plugin['configureWebpack']>>;
    },

    async postBuild(props) {
      const folder = path.join(props.outDir, 'crossrank');
      const pages = await builtPages(props, wanted, options.headings);
      const indexes = writeIndex(folder, locale, pages, versions);
      if (model !== undefined) copyModel(model, folder);
      if (search === 'algolia') adviseAlgolia();
      report(locale, indexes, model);
    },
  };

  /** What the dev server's static middleware serves: the index, and the model from where it lies. */
  function developmentFiles(): { publicPath: string; directory: string; watch: boolean }[] {
    const files = [{ publicPath: `${baseUrl}crossrank`, directory: developmentFolder, watch: false }];
    if (model?.folder === undefined) return files;
    const { name, from } = model.folder;
    return [...files, { publicPath: `${baseUrl}crossrank/${name}`, directory: from, watch: false }];
  }
}

function warnUnknown(file: string): void {
  logger.warn`crossrank: the search bar of this site comes from path=${file}, a search that crossrank does not know, so its results keep their order. Remove it, or set mode: 'standalone' to see crossrank's own search bar.`;
}

function warnLayout(search: string): void {
  logger.warn`crossrank: the installed version of the search plugin (name=${search}) has not the module that runs its queries where crossrank looks for it, so its results keep their order. docs/docusaurus.md lists the versions that are tested.`;
}

function adviseAlgolia(): void {
  logger.info`crossrank: this site searches with Algolia. Its results are reranked once src/theme/SearchBar passes code=${'transformSearchClient'}; docs/docusaurus.md has the ten lines.`;
}
