// What the bundler must know: the modules of the other search that ours take the place of, in webpack and Rspack alike.
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { ConfigureWebpackUtils } from '@docusaurus/types';
import type { KnownSearch } from './detect.js';
import { DEFAULT_MODEL_MODULE } from './model.js';

/** lib/browser, where the compiled browser half lies. */
export const BROWSER = path.resolve(__dirname, '../../browser');
export const OWN_THEME = path.join(BROWSER, 'theme');

/** What a bundler hands to the function of NormalModuleReplacementPlugin, as far as it is used here. */
interface Request {
  request: string;
  context: string;
  createData?: { resource?: string };
}

export type Replace = { readonly pattern: RegExp; readonly inside: string | null; readonly by: string };

/** The module of another search that runs a query, where it lies in its package, and ours. */
const QUERY_MODULES = {
  easyops: {
    package: '@easyops-cn/docusaurus-search-local',
    file: 'dist/client/client/theme/searchByWorker.js',
    pattern: /[\\/]searchByWorker(\.js)?$/,
    alias: '@crossrank/easyops-search',
    by: 'client/adapters/easyops.js',
  },
  lunr: {
    package: 'docusaurus-lunr-search',
    file: 'src/theme/SearchBar/lunar-search.js',
    pattern: /[\\/]lunar-search(\.js)?$/,
    alias: '@crossrank/lunr-search',
    by: 'client/adapters/lunr.js',
  },
} as const;

/** The replacement for an installed search; undefined when its package has not the module that is replaced. */
export function replaceQueryModule(
  search: Exclude<KnownSearch, 'algolia'>,
  siteDir: string,
): { replace: Replace; alias: Record<string, string> } | undefined {
  const { package: name, file, pattern, alias, by } = QUERY_MODULES[search];
  const inside = packageFolder(name, siteDir);
  if (inside === undefined || !existsSync(path.join(inside, file))) return undefined;
  return {
    replace: { pattern, inside, by: path.join(BROWSER, by) },
    alias: { [alias]: path.join(inside, file) },
  };
}

/** crossrank's own model must not be emitted by the bundler: it is copied once, or lies elsewhere. */
export function replaceDefaultModel(siteDir: string): Replace[] {
  const inside = packageFolder('crossrank', siteDir);
  if (inside === undefined) return [];
  return [{ pattern: DEFAULT_MODEL_MODULE, inside, by: path.join(BROWSER, 'client/no-model.js') }];
}

/** The bundler's plugin for a replacement. */
export function replacement(utils: ConfigureWebpackUtils, { pattern, inside, by }: Replace): unknown {
  const { NormalModuleReplacementPlugin } = utils.currentBundler.instance;
  return new NormalModuleReplacementPlugin(pattern, (resource: Request) => {
    // Called again after resolving, with the file; then it is too late, and the original may be meant.
    if (resource.createData?.resource !== undefined) return;
    if (inside === null || isInside(resource.context, inside)) resource.request = by;
  });
}

function isInside(file: string, folder: string): boolean {
  return file === folder || file.startsWith(folder + path.sep);
}

function packageFolder(name: string, siteDir: string): string | undefined {
  try {
    return path.dirname(require.resolve(`${name}/package.json`, { paths: [siteDir, __dirname] }));
  } catch {
    return undefined;
  }
}
