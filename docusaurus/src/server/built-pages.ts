// The pages of a built locale, read from its HTML files.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { cutHtml } from './html-page.js';
import type { Page } from './page.js';

interface Built {
  readonly outDir: string;
  readonly baseUrl: string;
  readonly routesPaths: readonly string[];
  readonly routesBuildMetadata: Readonly<Record<string, { readonly noIndex: boolean }>>;
}

/** Every page that may be found, in the order of its path. */
export async function builtPages(
  { outDir, baseUrl, routesPaths, routesBuildMetadata }: Built,
  wanted: (path: string) => boolean,
  deepest: number,
): Promise<Page[]> {
  const pages: Page[] = [];
  for (const route of [...new Set(routesPaths)].sort()) {
    if (!route.startsWith(baseUrl) || routesBuildMetadata[route]?.noIndex) continue;
    const relative = route.slice(baseUrl.length);
    const file = htmlFile(outDir, relative);
    if (file === undefined || relative === '404.html' || !wanted(`/${relative}`)) continue;
    const page = cutHtml(await readFile(file, 'utf8'), relative, deepest);
    if (page !== undefined) pages.push(page);
  }
  return pages;
}

/** Where a route was written to: it depends on the site's `trailingSlash`. */
function htmlFile(outDir: string, relative: string): string | undefined {
  const bare = decodeURI(relative).replace(/\/$/, '');
  const candidates = [path.join(outDir, bare, 'index.html'), path.join(outDir, `${bare}.html`)];
  return candidates.find((file) => existsSync(file));
}
