// The base search of the page: fetches the index files that belong to it, once, when a search asks for them, and
// searches their sections. A failure is not kept: the next search tries again.

import siteStorage from '@generated/site-storage';
import { decodeIndex, type IndexList, type Section } from '../../shared/index-file.js';
import { crossrankData } from '../data.js';
import { SectionIndex } from './bm25.js';
import { decodeIndexList, entriesFor } from './context.js';

export interface Found {
  readonly section: Section;
  /** Comparable within one query only. */
  readonly score: number;
}

interface Library {
  readonly sections: readonly Section[];
  readonly index: SectionIndex;
  readonly byUrl: ReadonlyMap<string, Section>;
}

let list: Promise<IndexList> | undefined;
const files = new Map<string, Promise<readonly Section[]>>();
const libraries = new Map<string, Promise<Library>>();

/** The sections that belong to the page that is shown. */
export async function loadSections(): Promise<readonly Section[]> {
  return (await library()).sections;
}

/** The best sections for a query, best first. */
export async function searchSections(query: string, limit: number): Promise<Found[]> {
  const { sections, index } = await library();
  return index.search(query, limit).flatMap(({ section, score }) => {
    const found = sections[section];
    return found === undefined ? [] : [{ section: found, score }];
  });
}

/** The section at an address with the base URL; without a fragment, the beginning of the page. */
export async function findSection(url: string): Promise<Section | undefined> {
  return (await library()).byUrl.get(addressOf(url));
}

async function library(): Promise<Library> {
  const { indexes, locale } = await indexList();
  const chosen = entriesFor(indexes, pageTag(), preferredVersion);
  const names = chosen.map(({ file }) => file);
  return kept(libraries, names.join(' '), async () => {
    const sections = (await Promise.all(names.map(indexFile))).flat();
    const fields = sections.map(({ page, headings, text, words }) => ({
      title: page,
      heading: headings.join(' '),
      text: words === '' ? text : `${text} ${words}`,
    }));
    const index = await SectionIndex.build(fields, locale);
    // The first one of an address: a page's beginning comes before its sections.
    const byUrl = new Map(
      Array.from(sections)
        .reverse()
        .map((section) => [addressOf(section.url), section]),
    );
    return { sections, index, byUrl };
  });
}

function indexList(): Promise<IndexList> {
  if (list === undefined) {
    list = fetchJson(crossrankData().indexUrl).then(decodeIndexList);
    list.catch(() => {
      list = undefined;
    });
  }
  return list;
}

function indexFile(name: string): Promise<readonly Section[]> {
  const { indexUrl, baseUrl } = crossrankData();
  const url = new URL(name, new URL(indexUrl, location.href)).href;
  return kept(files, url, async () => decodeIndex(await fetchJson(url), baseUrl));
}

async function fetchJson(url: string): Promise<unknown> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`The server answered ${response.status} for ${url}.`);
  return response.json();
}

/** One promise a key; one that rejects is forgotten. */
function kept<T>(promises: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = promises.get(key);
  if (known !== undefined) return known;
  const made = make();
  promises.set(key, made);
  made.catch(() => promises.delete(key));
  return made;
}

/** An address in the one form that is compared: path without a slash at its end, and fragment. */
function addressOf(url: string): string {
  const { pathname, hash } = new URL(url, location.origin);
  return `${pathname.replace(/\/$/, '')}${hash}`;
}

function pageTag(): string | null {
  return document.querySelector<HTMLMetaElement>('meta[name="docusaurus_tag"]')?.content ?? null;
}

/** What the version menu of Docusaurus has kept. */
function preferredVersion(pluginId: string): string | null {
  try {
    return localStorage.getItem(`docs-preferred-version-${pluginId}${siteStorage.namespace}`);
  } catch {
    // A browser may refuse its storage.
    return null;
  }
}
