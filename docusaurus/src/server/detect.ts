// Which search a site has: from its configuration, before themes are loaded, and from the search bar that won.
import path from 'node:path';
import type { DocusaurusConfig } from '@docusaurus/types';

export type KnownSearch = 'easyops' | 'lunr' | 'algolia';

const PACKAGES: readonly (readonly [KnownSearch, RegExp])[] = [
  ['easyops', /@easyops-cn[\\/]docusaurus-search-local/],
  ['lunr', /docusaurus-lunr-search/],
  ['algolia', /[\\/](?:docusaurus-)?theme-search-algolia/],
];

const known = (nameOrFile: string) => PACKAGES.find(([, pattern]) => pattern.test(nameOrFile))?.[0];

/** The search that docusaurus.config names, if any. */
export function configuredSearch(config: DocusaurusConfig): KnownSearch | undefined {
  const entries: unknown[] = [...config.themes, ...config.plugins];
  for (const entry of entries) {
    const name: unknown = Array.isArray(entry) ? entry[0] : entry;
    const found = typeof name === 'string' ? known(name) : undefined;
    if (found !== undefined) return found;
  }
  return config.themeConfig.algolia ? 'algolia' : undefined;
}

/** Whose search bar the site shows, from the bundler's aliases: the site's own component may wrap another. */
export function winningSearch(
  alias: Readonly<Record<string, unknown>>,
  siteDir: string,
  ownTheme: string,
): { search: KnownSearch | 'own' | 'none' | 'unknown'; file: string; swizzled: boolean } {
  const winner = String(alias['@theme/SearchBar'] ?? '');
  const swizzled = winner.startsWith(path.join(siteDir, 'src') + path.sep);
  const file = swizzled ? String(alias['@theme-original/SearchBar'] ?? '') : winner;
  if (file.startsWith(ownTheme + path.sep)) return { search: 'own', file, swizzled };
  // The classic theme has a search bar that draws nothing.
  if (file === '' || /theme-classic|theme-fallback/.test(file)) return { search: 'none', file, swizzled };
  return { search: known(file) ?? 'unknown', file, swizzled };
}
