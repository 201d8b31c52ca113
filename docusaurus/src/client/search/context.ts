// Which index files belong to the page that is shown: pages and blog always, and of each docs plugin one version,
// never two. Pure; index.ts looks the page's own tag and the reader's choices up.

import type { IndexEntry, IndexList } from '../../shared/index-file.js';

/** Tag of what has no version. */
const UNVERSIONED = 'default';

/**
 * The entries to search: that of the page shown, for other docs plugins the version that the reader chose last, else
 * the latest one.
 */
export function entriesFor(
  entries: readonly IndexEntry[],
  pageTag: string | null,
  preferredVersion: (pluginId: string) => string | null,
): IndexEntry[] {
  const chosen = entries.filter(({ tag }) => tag === UNVERSIONED);
  const byPlugin = new Map<string, IndexEntry[]>();
  for (const entry of entries) {
    if (entry.tag === UNVERSIONED) continue;
    const id = pluginIdOf(entry);
    byPlugin.set(id, [...(byPlugin.get(id) ?? []), entry]);
  }
  for (const [id, versions] of byPlugin) {
    const preferred = preferredVersion(id);
    const entry =
      versions.find(({ tag }) => tag === pageTag) ??
      versions.find(({ version }) => version !== null && version === preferred) ??
      versions.find(({ latest }) => latest) ??
      versions[0];
    if (entry !== undefined) chosen.push(entry);
  }
  return chosen;
}

/** `docs-<plugin id>-<version>` without its version. */
function pluginIdOf({ tag, version }: IndexEntry): string {
  const id = tag.replace(/^docs-/, '');
  return version !== null && id.endsWith(`-${version}`) ? id.slice(0, -version.length - 1) : id;
}

/** index.json, checked. Throws when it is something else, such as a page that a host serves for what is missing. */
export function decodeIndexList(value: unknown): IndexList {
  const { v, locale, indexes } = (value ?? {}) as Partial<IndexList>;
  const isList = v === 1 && typeof locale === 'string' && Array.isArray(indexes) && indexes.every(isEntry);
  if (!isList) throw new Error('not a list of index files');
  return value as IndexList;
}

function isEntry(value: unknown): value is IndexEntry {
  const { tag, version, file } = (value ?? {}) as Partial<IndexEntry>;
  return (
    typeof tag === 'string' && typeof file === 'string' && (version === null || typeof version === 'string')
  );
}
