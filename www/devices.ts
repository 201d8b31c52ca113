// Which device serves. The CPU always can: its pool is loaded first and serves at once. The GPU, a pool of one worker,
// takes over when it has proved itself (trial.ts), and when it fails, its calls are replayed on the CPU: a caller sees
// the same order, and one event. Called by Reranker.

import type { ModelDelivery } from './assets/model.js';
import type { Adapter } from './device.js';
import { type CrossrankError, withSignal } from './errors.js';
import type { Gathered } from './gathered.js';
import { GPU_TRIAL_MS } from './limits.js';
import type { LoadOptions } from './options.js';
import { after, type CallControl, Pool, type PoolSettings, processors } from './pool.js';
import type { DeviceKind, Requests } from './protocol.js';
import { workersAtMost } from './share.js';
import { condemns, forceGpu, messageOf, type Trial, tryGpu } from './trial.js';
import { writeVerdict } from './verdict.js';

export interface DevicesSettings extends Omit<PoolSettings, 'several' | 'device'> {
  readonly choice: 'auto' | 'webgpu' | 'cpu';
  /** Told when another device serves from then on. */
  readonly onChange: (change: DeviceChange) => void;
}

/** Which device serves in the place of which. */
export interface DeviceChange {
  readonly from: DeviceKind;
  readonly to: DeviceKind;
  readonly why: string;
}

export class Devices {
  readonly cpu: Pool;
  /** The GPU's worker, while it serves. */
  gpu: Pool | undefined;
  /** The adapter that was found, whether it serves or not. */
  adapter: Adapter | null = null;
  /** Why the device that serves does. */
  why: string;

  readonly #settings: DevicesSettings;
  readonly #poolSettings: PoolSettings;
  /** Messages that workers of a GPU which serves no more sent in vain. */
  #ignored = 0;
  #pending = 0;
  /** Settled when the latest call has its answer, or its place in the line of the CPU. */
  #left: Promise<void> = Promise.resolve();
  #trial: Promise<void> | undefined;
  #key: string | undefined;
  #cancelTrial = () => {};
  /** Whether others have taken over: these finish what they have. */
  #retired = false;
  #onIdle = () => {};

  constructor(settings: DevicesSettings) {
    this.#settings = settings;
    const several = workersAtMost(settings.workers, processors()) > 1 || this.#mayUseGpu;
    this.#poolSettings = { ...settings, several, device: 'cpu' };
    this.cpu = new Pool(this.#poolSettings);
    this.why = whyCpu(settings.choice);
  }

  /** Starts what serves first. With 'webgpu' that is the GPU, or a rejection. */
  async load(options: Pick<LoadOptions, 'signal' | 'onProgress'>): Promise<void> {
    await this.cpu.load(options);
    if (this.#settings.choice === 'webgpu') {
      try {
        const trial = await withSignal(forceGpu(this.cpu, this.#poolSettings, this.#onLost), options.signal);
        if (trial.pool?.lost !== undefined) throw trial.pool.lost;
        this.#take(trial);
      } catch (error) {
        this.dispose();
        throw error;
      }
    }
    this.#rest();
  }

  /** Starts all that a large call would use: the GPU if it proves itself, else all workers of the CPU. */
  async warmUp(signal: AbortSignal | undefined): Promise<void> {
    await withSignal(this.#tried(), signal);
    if (this.gpu === undefined) await this.cpu.warmUp(signal);
    this.cpu.throwIfDisposed();
  }

  /** Scores pairs on the device that serves; if that is the GPU and it is lost, all of them again on the CPU. */
  async run(request: Requests['run'], control: CallControl): Promise<Gathered> {
    const begun = performance.now();
    this.#pending += 1;
    this.#cancelTrial();
    // Whoever is replayed is so after the calls before it.
    const before = this.#left;
    let leave = () => {};
    this.#left = new Promise((resolve) => {
      leave = resolve;
    });
    try {
      const { gpu } = this;
      if (gpu === undefined) return await this.cpu.run(request, control);
      try {
        return await gpu.run(request, control);
      } catch (error) {
        if (error !== gpu.lost) throw error;
      }
      await before;
      const { budgetMs } = control;
      const left = budgetMs === undefined ? undefined : budgetMs - (performance.now() - begun);
      const replay = this.cpu.run(request, { ...control, budgetMs: left });
      leave();
      return await replay;
    } finally {
      leave();
      this.#pending -= 1;
      if (this.#pending === 0) this.#onIdle();
      this.#rest();
    }
  }

  /** Ends all workers as soon as no call is pending, and resolves then. */
  async retire(): Promise<void> {
    this.#retired = true;
    this.#cancelTrial();
    if (this.#pending > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await this.cpu.retire();
  }

  /** Goes on in the place of others, which had another version of the model. */
  inherit(from: Devices): void {
    this.cpu.inherit(from.cpu);
    this.#ignored += from.ignored - from.cpu.ignored;
    if (from.kind === this.kind) return;
    this.#settings.onChange({ from: from.kind, to: this.kind, why: this.why });
  }

  dispose(): void {
    this.#cancelTrial();
    this.cpu.dispose(); // and with it the GPU's
  }

  get disposed(): boolean {
    return this.cpu.disposed;
  }

  throwIfDisposed(): void {
    this.cpu.throwIfDisposed();
  }

  /** Where the next call is computed. */
  get kind(): DeviceKind {
    return this.gpu === undefined ? 'cpu' : 'webgpu';
  }

  /** How the model came. */
  get delivery(): ModelDelivery | undefined {
    return this.cpu.delivery;
  }

  /** Bytes of wasm memory of each living worker. */
  get memoryBytes(): readonly number[] {
    return [...(this.gpu?.memoryBytes ?? []), ...this.cpu.memoryBytes];
  }

  get pendingCalls(): number {
    return this.#pending;
  }

  get ignored(): number {
    return this.#ignored + this.cpu.ignored + (this.gpu?.ignored ?? 0);
  }

  get #mayUseGpu(): boolean {
    return this.#settings.choice !== 'cpu' && hasWebGpu();
  }

  /** The trial of 'auto', once. */
  #tried(): Promise<void> {
    if (this.#settings.choice !== 'auto' || !this.#mayUseGpu) return Promise.resolve();
    this.#cancelTrial();
    this.#trial ??= tryGpu(this.cpu, this.#poolSettings, this.#onLost).then(
      (trial) => this.#take(trial),
      () => {
        // The CPU pool ended: disposed, or its last worker was lost. A later moment is a better one.
        this.#trial = undefined;
      },
    );
    return this.#trial;
  }

  /** When no call came for a while, the trial does not delay one. */
  #rest(): void {
    this.#cancelTrial();
    const due = this.#settings.choice === 'auto' && this.#mayUseGpu && this.#trial === undefined;
    if (!due || this.#pending > 0 || this.disposed || this.#retired) return;
    this.#cancelTrial = after(GPU_TRIAL_MS, () => void this.#tried());
  }

  #take({ pool, adapter, why, key }: Trial): void {
    this.adapter = adapter;
    this.why = why;
    this.#key = key;
    if (pool === undefined) return;
    if (this.disposed || this.#retired) {
      pool.dispose();
      return;
    }
    if (pool.lost !== undefined) {
      this.#leave(pool.lost);
      return;
    }
    this.gpu = pool;
    this.cpu.spare = true;
    if (this.#settings.choice === 'auto') this.#settings.onChange({ from: 'cpu', to: 'webgpu', why });
  }

  /** The worker of the GPU ended. Its calls learn of it next, and find the CPU. */
  readonly #onLost = (error: CrossrankError): void => {
    const { gpu } = this;
    if (gpu === undefined || this.disposed) return;
    this.#ignored += gpu.ignored;
    this.gpu = undefined;
    this.cpu.spare = false;
    this.#leave(error);
    if (!this.#retired) this.#settings.onChange({ from: 'webgpu', to: 'cpu', why: this.why });
  };

  #leave(error: CrossrankError): void {
    this.why = messageOf(error);
    if (!condemns(error) || this.#key === undefined) return;
    void writeVerdict(this.#key, { device: 'cpu', why: this.why }, this.#settings.cache);
  }
}

/** Whether the page has WebGPU; its workers may still lack it. */
export const hasWebGpu = (): boolean => globalThis.navigator?.gpu !== undefined;

function whyCpu(choice: DevicesSettings['choice']): string {
  if (choice === 'cpu') return "device: 'cpu' was asked for";
  if (!hasWebGpu()) return 'this browser has no WebGPU';
  return `the GPU is tried when no call came for ${GPU_TRIAL_MS} ms`;
}
