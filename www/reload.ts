// A model that is replaced on its host while a page uses it: looks at the manifest from time to time, and when it has
// changed, starts workers with the new version beside the old ones. Later calls go to the new ones; the old ones end when
// their calls have. A version that cannot be used changes nothing. Called by Reranker only.

import { ModelCache } from './assets/cache.js';
import { DEFAULT_POLICY } from './assets/download.js';
import { type Manifest, sameManifest } from './assets/manifest.js';
import { fetchManifest } from './assets/model.js';
import { removeOtherVersions } from './assets/versions.js';
import { Devices, type DevicesSettings } from './devices.js';
import { CrossrankError, describe } from './errors.js';
import { after } from './pool.js';

/** What became of a changed manifest. */
export type ReloadEvent =
  /** Calls that are made from now on go to the new version. */
  | { readonly outcome: 'reloaded'; readonly model: string }
  /** The version before stays. It is tried again later. */
  | { readonly outcome: 'failed'; readonly error: CrossrankError };

/** How `reloadEvery` fares. */
export interface ReloadStatus {
  readonly state: 'idle' | 'checking' | 'loading';
  /** Times that the host was asked. */
  readonly checks: number;
  /** Times that a new version was taken. */
  readonly reloads: number;
  /** Why the last check or load failed; null if it did not. */
  readonly error: CrossrankError | null;
}

export interface ReloadSettings {
  /** Milliseconds between two checks; undefined: none at all. */
  readonly reloadEvery: number | undefined;
  readonly onReload: ((event: ReloadEvent) => void) | undefined;
}

/** A version that failed is passed over at 1, 3, 7, … checks, this many at most. */
const MOST_PASSED_OVER = 63;

export class Reloading {
  readonly #devicesSettings: DevicesSettings;
  readonly #settings: ReloadSettings;
  readonly #disposal = new AbortController();
  #devices: Devices;
  #next: Devices | undefined;
  /** Those that still have calls to answer. */
  readonly #old = new Set<Devices>();
  #state: ReloadStatus['state'] = 'idle';
  #checks = 0;
  #reloads = 0;
  #error: CrossrankError | null = null;
  /** The version that failed last, how many checks it is still passed over, and how many after the next failure. */
  #failed: { readonly manifest: Manifest; wait: number; readonly nextWait: number } | undefined;

  /** `devices` have loaded. */
  constructor(devices: Devices, devicesSettings: DevicesSettings, settings: ReloadSettings) {
    this.#devices = devices;
    this.#devicesSettings = devicesSettings;
    this.#settings = settings;
    if (settings.reloadEvery === undefined) return;
    // A manifest that just came from the host is new enough.
    if (devices.delivery?.believed) void this.#look();
    else this.#lookLater();
  }

  /** The workers for calls that are made now. */
  get devices(): Devices {
    return this.#devices;
  }

  /** Null if nobody asked for reloads. */
  get status(): ReloadStatus | null {
    if (this.#settings.reloadEvery === undefined) return null;
    return Object.freeze({
      state: this.#state,
      checks: this.#checks,
      reloads: this.#reloads,
      error: this.#error,
    });
  }

  dispose(): void {
    this.#disposal.abort();
    for (const devices of [this.#devices, this.#next, ...this.#old]) devices?.dispose();
  }

  #lookLater(): void {
    if (this.#disposal.signal.aborted) return;
    const cancel = after(this.#settings.reloadEvery, () => {
      this.#disposal.signal.removeEventListener('abort', cancel);
      void this.#look();
    });
    this.#disposal.signal.addEventListener('abort', cancel, { once: true });
  }

  /** One check, and what follows from it. Never rejects. */
  async #look(): Promise<void> {
    this.#state = 'checking';
    this.#checks += 1;
    try {
      const manifest = await this.#changed();
      if (manifest === undefined) return;
      this.#state = 'loading';
      await this.#take(manifest);
      this.#error = null;
      this.#tell({ outcome: 'reloaded', model: manifest.id });
    } catch (error) {
      if (this.#disposal.signal.aborted) return;
      this.#error = ours(error);
      this.#tell({ outcome: 'failed', error: this.#error });
    } finally {
      this.#state = 'idle';
      this.#lookLater();
    }
  }

  /** The host's manifest, if it is another one than that of the workers, and not to be passed over. */
  async #changed(): Promise<Manifest | undefined> {
    // No retries: the next check is one.
    const policy = { ...DEFAULT_POLICY, retries: 0 };
    const manifest = await fetchManifest(this.#devicesSettings.source, policy, this.#disposal.signal);
    const current = this.#devices.delivery?.manifest ?? null;
    if (current !== null && sameManifest(manifest, current)) {
      this.#failed = undefined;
      this.#error = null;
      return undefined;
    }
    const failed = this.#failed;
    if (failed === undefined || !sameManifest(manifest, failed.manifest) || failed.wait === 0)
      return manifest;
    failed.wait -= 1;
    return undefined;
  }

  /** Starts a worker with the new version, and has it and its like serve all calls from then on. */
  async #take(manifest: Manifest): Promise<void> {
    const next = new Devices({ ...this.#devicesSettings, newVersion: manifest });
    this.#next = next;
    try {
      await next.load({ signal: this.#disposal.signal });
      next.throwIfDisposed();
    } catch (error) {
      next.dispose();
      const nextWait =
        this.#failed && sameManifest(manifest, this.#failed.manifest) ? this.#failed.nextWait : 1;
      this.#failed = { manifest, wait: nextWait, nextWait: Math.min(2 * nextWait + 1, MOST_PASSED_OVER) };
      throw error;
    } finally {
      this.#next = undefined;
    }
    this.#failed = undefined;
    this.#reloads += 1;
    next.inherit(this.#devices);
    const old = this.#devices;
    this.#devices = next;
    void this.#end(old);
  }

  /** Lets the old workers finish their calls. After that nobody here needs its files. */
  async #end(old: Devices): Promise<void> {
    this.#old.add(old);
    await old.retire();
    this.#old.delete(old);
    const manifest = this.#devices.delivery?.manifest;
    const cache =
      this.#devicesSettings.cache && !this.#disposal.signal.aborted ? await ModelCache.open() : null;
    if (cache && manifest) await removeOtherVersions(this.#devicesSettings.source, manifest, cache);
  }

  #tell(event: ReloadEvent): void {
    try {
      this.#settings.onReload?.(Object.freeze(event));
    } catch (error) {
      // The listener's own failure is the page's to see.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

function ours(error: unknown): CrossrankError {
  if (error instanceof CrossrankError) return error;
  return new CrossrankError('INTERNAL', `Unexpected failure: ${describe(error)}. Please report it.`, {
    cause: error,
  });
}
