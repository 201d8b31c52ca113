// The pages of a site in `docusaurus start`, read from the Markdown files of its content plugins.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { AllContent } from '@docusaurus/types';
import { cutMarkdown } from './markdown-page.js';
import type { Page } from './page.js';
import type { Versions } from './write-index.js';

interface Source {
  readonly permalink: string;
  readonly source: string;
  readonly title?: string;
  readonly unlisted?: boolean;
}

interface LoadedVersion {
  readonly versionName: string;
  readonly label: string;
  readonly isLast: boolean;
  readonly noIndex?: boolean;
  readonly docs: readonly Source[];
}

const docsVersions = (allContent: AllContent) =>
  Object.entries(allContent['docusaurus-plugin-content-docs'] ?? {}).flatMap(([id, content]) =>
    ((content as { loadedVersions?: LoadedVersion[] } | undefined)?.loadedVersions ?? []).map((version) => ({
      tag: `docs-${id}-${version.versionName}`,
      version,
    })),
  );

/** The versions of all docs plugins, by tag. */
export function versionsOf(allContent: AllContent): Versions {
  return new Map(
    docsVersions(allContent).map(({ tag, version: { versionName, label, isLast } }) => [
      tag,
      { version: versionName, label, latest: isLast },
    ]),
  );
}

/** Every Markdown page of docs, blog and pages. Pages written in React have no text that could be read here. */
export async function sourcePages(
  allContent: AllContent,
  { siteDir, baseUrl }: { siteDir: string; baseUrl: string },
  wanted: (path: string) => boolean,
  deepest: number,
): Promise<Page[]> {
  const sources: { tag: string; source: Source }[] = docsVersions(allContent)
    .filter(({ version }) => !version.noIndex)
    .flatMap(({ tag, version }) => version.docs.map((source) => ({ tag, source })));
  for (const content of Object.values(allContent['docusaurus-plugin-content-blog'] ?? {})) {
    const posts = (content as { blogPosts?: { metadata: Source }[] } | undefined)?.blogPosts ?? [];
    for (const { metadata } of posts) sources.push({ tag: 'default', source: metadata });
  }
  for (const content of Object.values(allContent['docusaurus-plugin-content-pages'] ?? {})) {
    for (const page of (content ?? []) as Source[]) sources.push({ tag: 'default', source: page });
  }
  const pages: Page[] = [];
  for (const { tag, source } of sources) {
    const relative = source.permalink.slice(baseUrl.length);
    if (source.unlisted || !/\.mdx?$/.test(source.source) || !wanted(`/${relative}`)) continue;
    const file = source.source.replace(/^@site/, siteDir);
    const { title, sections } = cutMarkdown(await readFile(path.resolve(siteDir, file), 'utf8'), deepest);
    if (sections.length > 0) pages.push({ path: relative, title: source.title ?? title, tag, sections });
  }
  return pages;
}
