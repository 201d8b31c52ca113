// What `device: 'auto'` found out about an adapter with a model, so that the next visit need not find it out again. Kept
// in the browser's Cache API, because workers and pages both have it; where there is none, as long as the page lives.

import { answered } from './assets/cache.js';
import { type Adapter, nameOf } from './device.js';
import type { DeviceKind, Precision } from './protocol.js';
import { VERSION } from './version.js';

/** Which device is to serve, and why. */
export interface Verdict {
  readonly device: DeviceKind;
  /** For `status.device.why`. */
  readonly why: string;
}

/** Removed with all other stores of this prefix by `clearCache()`. */
const STORE = 'crossrank-verdicts-v1';

/** Characters of `why` that are believed; a verdict of ours is shorter. */
const MAX_WHY_CHARS = 1000;

const found = new Map<string, Verdict>();

/**
 * The name of a verdict: the adapter, the browser (with it comes another driver of the GPU), this version of crossrank,
 * the model and its arithmetic. Whatever of these changes, the question is open again.
 */
export function verdictKey(adapter: Adapter, model: string, precision: Precision): string {
  const { vendor, architecture, device, f16 } = adapter;
  const key = new URL('https://crossrank.invalid/verdict');
  const parts = { vendor, architecture, device, name: nameOf(adapter), f16: String(f16) };
  const rest = { browser: globalThis.navigator?.userAgent ?? '', version: VERSION, model, precision };
  for (const [name, value] of Object.entries({ ...parts, ...rest })) key.searchParams.set(name, value);
  return key.href;
}

/** The verdict of an earlier load, if there is one. `keep`: look in the browser's storage too. Never rejects. */
export async function readVerdict(key: string, keep: boolean): Promise<Verdict | undefined> {
  const known = found.get(key);
  if (known !== undefined || !keep) return known;
  try {
    const response = await answered(caches.open(STORE).then((store) => store.match(key)));
    const value: unknown = await response?.json();
    return isVerdict(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Remembers a verdict. `keep`: beyond the life of the page. Never rejects. */
export async function writeVerdict(key: string, verdict: Verdict, keep: boolean): Promise<void> {
  found.set(key, verdict);
  if (!keep) return;
  try {
    const { device, why } = verdict;
    const response = Response.json({ device, why });
    await answered(caches.open(STORE).then((store) => store.put(key, response)));
  } catch {
    // No storage: the verdict lives as long as the page.
  }
}

/** Forgets the verdicts of this page; those in storage go with the other stores. */
export function forgetVerdicts(): void {
  found.clear();
}

function isVerdict(value: unknown): value is Verdict {
  if (typeof value !== 'object' || value === null) return false;
  const { device, why } = value as Partial<Record<keyof Verdict, unknown>>;
  return (device === 'cpu' || device === 'webgpu') && typeof why === 'string' && why.length <= MAX_WHY_CHARS;
}
