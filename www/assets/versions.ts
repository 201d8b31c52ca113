// Versions of a model under one URL. Each tab holds a Web Lock on the version that it uses, so that the files of an older
// one are removed from the cache only when no tab needs them any more.

import { hashedKey, type ModelCache } from './cache.js';
import { filesOf, type Manifest } from './manifest.js';
import type { ModelSource } from './source.js';

/** Says that this tab uses a version, until `until` is aborted. Resolves when that is over. Never rejects. */
export async function holdVersion(
  source: ModelSource,
  manifest: Manifest,
  until: AbortSignal,
): Promise<void> {
  const locks = globalThis.navigator?.locks;
  if (locks === undefined || until.aborted) return;
  const over = new Promise<void>((resolve) => {
    until.addEventListener('abort', () => resolve(), { once: true });
  });
  try {
    await locks.request(lockName(source, manifest), { mode: 'shared' }, () => over);
  } catch {
    // Refused on this origin: then there is no cache to guard either.
  }
}

/** Removes the cached files of all other versions, if no tab uses one. */
export async function removeOtherVersions(
  source: ModelSource,
  manifest: Manifest,
  cache: ModelCache,
): Promise<void> {
  if (await otherIsUsed(source, manifest)) return;
  const keys = filesOf(manifest).map((file) => hashedKey(source.url(file.path), file.sha256));
  await cache.keepOnly(source.url(''), new Set([source.url('manifest.json'), ...keys]));
}

/** Whether a tab holds another version than this one. */
async function otherIsUsed(source: ModelSource, manifest: Manifest): Promise<boolean> {
  const mine = lockName(source, manifest);
  try {
    const { held = [] } = await navigator.locks.query();
    return held.some(({ name = '' }) => name.startsWith(lockPrefix(source)) && name !== mine);
  } catch {
    return false;
  }
}

const lockPrefix = (source: ModelSource) => `crossrank-version ${source.url('')} `;

const lockName = (source: ModelSource, manifest: Manifest) =>
  lockPrefix(source) +
  filesOf(manifest)
    .map(({ sha256 }) => sha256.slice(0, 16))
    .join('');
