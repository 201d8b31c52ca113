// What the browser offers for WebGPU, asked of the browser alone: no binary of ours is fetched for it. Runs inside a
// worker, because that is where the GPU is used and not every browser that has WebGPU has it there.

import { within } from './deadline.js';
import { describe } from './errors.js';

/** An adapter as the browser describes it. */
export interface Adapter {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** Made of software, as far as one can tell. */
  readonly software: boolean;
  /** Whether it computes with 16-bit floats (`shader-f16`). */
  readonly f16: boolean;
}

/** The adapter, or why there is none that can be used: then `adapter` is null unless one was found. */
export interface Probe {
  readonly adapter: Adapter | null;
  /** Undefined: it can be used. */
  readonly missing?: string | undefined;
}

/** What every adapter of the standard has; the compatibility mode of some browsers goes below. */
const REQUIRED_LIMITS = {
  maxStorageBufferBindingSize: 128 * 1024 * 1024,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupStorageSize: 16 * 1024,
} as const;

/** Milliseconds that the browser may take to name an adapter; a GPU process that hangs never does. */
const ADAPTER_MS = 10_000;

/** Architectures and descriptions of adapters that are software though they do not say so. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|software|basic render/i;

/**
 * Asks for the adapter that the engine would get. Never rejects. `gpu`: the worker's own by default; without a type, because
 * the one of the standard is not in the TypeScript of everybody who reads these declarations.
 */
export async function probe(gpu: object | undefined = globalThis.navigator?.gpu): Promise<Probe> {
  if (gpu === undefined) return none('this browser has no WebGPU in workers');
  try {
    const adapter = await within(
      (gpu as GPU).requestAdapter({ powerPreference: 'high-performance' }),
      ADAPTER_MS,
      () => {
        return new Error(`no answer in ${ADAPTER_MS} ms`);
      },
    );
    if (adapter === null) return none('the browser offers no WebGPU adapter (no GPU, or it is blocked)');
    return { adapter: describeAdapter(adapter), missing: missingOf(adapter) };
  } catch (error) {
    return none(`the browser refused to name a WebGPU adapter (${describe(error)})`);
  }
}

const none = (missing: string): Probe => ({ adapter: null, missing });

function describeAdapter({ info, features }: GPUAdapter): Adapter {
  const { vendor = '', architecture = '', device = '', description = '' } = info ?? {};
  const software =
    (info as { isFallbackAdapter?: boolean } | undefined)?.isFallbackAdapter === true ||
    [architecture, device, description].some((text) => SOFTWARE.test(text));
  return { vendor, architecture, device, description, software, f16: features.has('shader-f16') };
}

function missingOf({ limits }: GPUAdapter): string | undefined {
  for (const [limit, least] of Object.entries(REQUIRED_LIMITS)) {
    const value = limits[limit as keyof typeof REQUIRED_LIMITS];
    if (!(value >= least)) return `the adapter's ${limit} is ${value}, not ${least}`;
  }
  return undefined;
}

/** An adapter in a few words, for people. */
export function nameOf({ vendor, architecture, device, description }: Adapter): string {
  return (
    description || [vendor, architecture, device].filter((part) => part !== '').join(' ') || 'unnamed adapter'
  );
}
