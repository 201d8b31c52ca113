// The snapshot that `reranker.status` gives: its type, how it is taken, and the counters behind it.

import type { Adapter } from './device.js';
import type { Devices } from './devices.js';
import type { Gathered } from './gathered.js';
import type { Activation } from './options.js';
import type { DeviceKind, Precision } from './protocol.js';
import type { ReloadStatus } from './reload.js';
import type { Simd } from './simd.js';

/** What one call took. */
export interface CallTimings {
  /** Milliseconds, of the worker that took longest; 0 if the budget ended the call. */
  readonly tokenizeMs: number;
  readonly scoreMs: number;
  readonly batches: number;
  /** Pairs that were scored. */
  readonly pairs: number;
  /** Where. */
  readonly device: DeviceKind;
  /** Workers that shared them. */
  readonly workers: number;
  readonly tokens: number;
  /** Pairs whose text was cut to fit. */
  readonly truncated: number;
}

/** A frozen snapshot; ask again for newer values. */
export interface Status {
  /** `stopped`: the last worker was lost, and the next call starts another. */
  readonly state: 'ready' | 'busy' | 'stopped' | 'disposed';
  readonly device: {
    /** Where the next call is computed. */
    readonly kind: DeviceKind;
    /** Why there. After the GPU failed: how. */
    readonly why: string;
    /** Which binary the CPU runs: the one with relaxed SIMD, or the one for browsers without. Same scores. */
    readonly simd: Simd;
    /** The GPU that was found, whether it serves or not; null as long as none was, or nobody looked. */
    readonly adapter: Adapter | null;
  };
  readonly model: {
    readonly id: string;
    /** How the weights are stored, as the manifest or the header of model.safetensors says. */
    readonly dtype: string | null;
    /** The arithmetic that was asked for. */
    readonly precision: Precision;
    /** Most tokens of a pair. */
    readonly maxLength: number;
    /** What turns logits into scores when a call does not say. */
    readonly activation: Activation;
    /** Where it came from. */
    readonly source: string;
  };
  /** Workers that live now, that of the GPU included. */
  readonly workers: number;
  /**
   * Workers that a large call on the CPU may have: what `workers` allows. 1 if the model can be neither kept in the cache nor
   * held on the page; less than asked for after one could not be started.
   */
  readonly maxWorkers: number;
  /** Workers started because one was lost. */
  readonly restarts: number;
  /** Whether all model files are in the browser's cache. They are written when the model is ready, which takes a moment. */
  readonly cached: boolean;
  /** Whether the sha256 of all model files was checked. */
  readonly verified: boolean;
  /** Calls answered; calls that failed are not counted, nor is what they scored. */
  readonly calls: number;
  readonly pairs: number;
  readonly tokens: number;
  /** Pairs whose text was cut to fit. */
  readonly truncated: number;
  /** Messages from the worker that were not understood: 0 unless page and worker are of different versions. */
  readonly ignoredMessages: number;
  readonly bytes: {
    /** Over the network, in the last start. 0 when everything came from the cache. */
    readonly downloaded: number;
    /** All model files together. */
    readonly model: number;
  };
  /** Bytes of wasm memory of all workers together. */
  readonly memoryBytes: number;
  /** Bytes of wasm memory of each worker, as of its last answer. It holds the model and never shrinks. */
  readonly workerMemoryBytes: readonly number[];
  /** The last answered call; null before the first. */
  readonly last: CallTimings | null;
  /** What came of looking for a changed model; null without `reloadEvery`. */
  readonly reload: ReloadStatus | null;
}

/** Takes the snapshot. `fixed` is what does not change after the load. */
export function snapshot(
  devices: Devices,
  { calls, pairs, tokens, truncated, last }: Tally,
  fixed: Pick<Status['model'], 'source' | 'precision' | 'maxLength'>,
  reload: ReloadStatus | null,
): Status {
  const { cpu, why, adapter, memoryBytes } = devices;
  const { delivery, latest } = cpu;
  const simd = latest?.binary === 'relaxed' ? 'relaxed' : 'simd128';
  return Object.freeze({
    state: state(devices),
    device: Object.freeze({ kind: devices.kind, why, simd, adapter }),
    model: Object.freeze({
      id: delivery?.id ?? '',
      dtype: delivery?.dtype ?? null,
      precision: fixed.precision,
      maxLength: fixed.maxLength || (latest?.info.maxLength ?? 0),
      activation: latest?.info.activation ?? 'identity',
      source: fixed.source,
    }),
    workers: memoryBytes.length,
    maxWorkers: cpu.workersAtMost,
    restarts: cpu.restarts,
    cached: delivery?.kept ?? false,
    verified: delivery?.verified ?? false,
    calls,
    pairs,
    tokens,
    truncated,
    ignoredMessages: devices.ignored,
    bytes: Object.freeze({ downloaded: delivery?.downloaded ?? 0, model: delivery?.bytes ?? 0 }),
    memoryBytes: memoryBytes.reduce((sum, bytes) => sum + bytes, 0),
    workerMemoryBytes: Object.freeze(memoryBytes),
    last,
    reload,
  });
}

function state(devices: Devices): Status['state'] {
  if (devices.disposed) return 'disposed';
  if (devices.pendingCalls > 0) return 'busy';
  return devices.memoryBytes.length > 0 ? 'ready' : 'stopped';
}

/** Sums over the calls of one reranker. */
export class Tally {
  calls = 0;
  pairs = 0;
  tokens = 0;
  truncated = 0;
  last: CallTimings | null = null;

  add({ scored: pairs, tokenizeMs, scoreMs, batches, tokens, truncated, workers, device }: Gathered): void {
    this.calls += 1;
    this.pairs += pairs;
    this.tokens += tokens;
    this.truncated += truncated;
    this.last = Object.freeze({ tokenizeMs, scoreMs, batches, pairs, tokens, truncated, workers, device });
  }
}
