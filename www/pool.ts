// The workers of one reranker, from none to as many as it may have: starts them when a call is worth it, shares the
// pairs of a call out among them, replaces lost ones, stops idle ones. Calls have the pool one after the other.
// It knows nothing of documents. The worker of the GPU is a pool of one (devices.ts). How a worker is started is in start.ts, who gets which pairs in share.ts.

import type { ModelDelivery } from './assets/model.js';
import type { WorkerClient } from './client.js';
import { abortError, CrossrankError, disposedError, follow, withSignal } from './errors.js';
import { Gathered } from './gathered.js';
import { MAX_PENDING_CALLS } from './limits.js';
import type { LoadOptions } from './options.js';
import type { Part, Requests, RequestType, Results } from './protocol.js';
import { split, weigh, workersAtMost, workersFor } from './share.js';
import { type Started, Starter, type StartSettings } from './start.js';
import { Turns } from './turns.js';

export interface PoolSettings extends StartSettings {
  readonly workers: 'auto' | number;
  readonly idleMs: number;
}

/** What a pool on the GPU takes from the one on the CPU: the model, and the logits of the canaries. */
export interface GpuOrigin {
  readonly pool: Pool;
  readonly expected: Float32Array<ArrayBuffer>;
  /** Told when its worker is lost, before its calls are. */
  readonly onLost: (error: CrossrankError) => void;
}

/** How one call is to be watched and ended. */
export interface CallControl {
  readonly signal: AbortSignal;
  /** Milliseconds after which it resolves with what there is. */
  readonly budgetMs?: number | undefined;
  /** Told when scores have come. Must not throw. Not called after the call settled. */
  readonly onScores?: ((gathered: Gathered) => void) | undefined;
}

interface Member extends Started {
  memoryBytes: number;
}

/** A call under way. */
interface Call extends CallControl {
  readonly request: Requests['run'];
  readonly gathered: Gathered;
}

/** What a timer can count; longer is for ever. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class Pool {
  /** Workers started because others were lost. */
  restarts = 0;
  /** What the latest start learned; undefined before the first. */
  latest: Started | undefined;
  /** Why the last worker ended, if it was lost. */
  lost: CrossrankError | undefined;

  readonly #settings: PoolSettings;
  readonly #starter: Starter;
  readonly #onLost: ((error: CrossrankError) => void) | undefined;
  readonly #turns = new Turns();
  readonly #disposal = new AbortController();
  /** Living workers, the oldest first. */
  readonly #members: Member[] = [];
  #workersAtMost: number;
  /** Lost workers in whose place no other was started yet. */
  #vacancies = 0;
  #pendingCalls = 0;
  #ignored = 0;
  /** Aborted, and followed by another, when the last worker was lost: with it are all calls that were pending. */
  #era = new AbortController();
  #starting: Promise<void> | undefined;
  #growing: Promise<void> | undefined;
  #cancelIdle = () => {};
  #spare = false;
  #retired = false;

  constructor(settings: PoolSettings, origin?: GpuOrigin) {
    this.#settings = origin === undefined ? settings : { ...settings, device: 'webgpu', workers: 1 };
    this.#workersAtMost = workersAtMost(this.#settings.workers, processors());
    this.#onLost = origin?.onLost;
    const { signal } = this.#disposal;
    const onEnd = (client: WorkerClient, error: CrossrankError) => this.#ended(client, error);
    if (origin === undefined) {
      this.#starter = new Starter(this.#settings, signal, onEnd);
    } else {
      this.#starter = origin.pool.#starter.forGpu(origin.expected, signal, onEnd);
      origin.pool.#disposal.signal.addEventListener('abort', () => this.dispose(), { signal });
    }
  }

  get pendingCalls(): number {
    return this.#pendingCalls;
  }

  get disposed(): boolean {
    return this.#disposal.signal.aborted;
  }

  /** Whether a further worker needs no download. */
  repeatable(): Promise<boolean> {
    return this.#starter.repeatable();
  }

  get delivery(): ModelDelivery | undefined {
    return this.#starter.delivery;
  }

  /** Bytes of wasm memory of each living worker, as of its last answer. */
  get memoryBytes(): readonly number[] {
    return this.#members.map((member) => member.memoryBytes);
  }

  /** Workers that a large call may have. Falls when one more could not be started. */
  get workersAtMost(): number {
    return this.#starter.canRepeat ? this.#workersAtMost : 1;
  }

  /** Messages from workers that were none of the protocol's. */
  get ignored(): number {
    return this.#members.reduce((sum, { client }) => sum + client.ignored, this.#ignored);
  }

  throwIfDisposed(): void {
    if (this.disposed) throw abortError(this.#disposal.signal);
  }

  /** Starts the first worker. */
  async load(options: Pick<LoadOptions, 'signal' | 'onProgress'>): Promise<void> {
    this.#add(await this.#starter.first(options));
  }

  /** Starts all workers that a large call would use. */
  async warmUp(signal: AbortSignal | undefined): Promise<void> {
    this.throwIfDisposed();
    await withSignal(this.#live(), signal);
    await withSignal(this.#grow(this.workersAtMost), signal);
    this.throwIfDisposed();
  }

  /** Starts the worker of a pool on the GPU, with the model that is here already. */
  async join(): Promise<void> {
    this.#add(await this.#starter.another());
  }

  /** Asks the oldest worker something beside the calls. Starts one if none lives. */
  async ask<T extends RequestType>(type: T, body: Requests[T]): Promise<Results[T]> {
    await this.#live();
    const [worker] = this.#members;
    if (worker === undefined) throw this.lost ?? disposedError();
    return await worker.client.call(type, body);
  }

  /** Scores pairs. Resolves with less than all only if the budget was over. */
  async run(request: Requests['run'], control: CallControl): Promise<Gathered> {
    this.throwIfDisposed();
    if (this.#pendingCalls >= MAX_PENDING_CALLS) throw busyError();
    this.#pendingCalls += 1;
    this.#cancelIdle();
    const gathered = new Gathered(request.pairs.length / 2, this.#settings.device);
    const stop = new AbortController();
    const unlink = [control.signal, this.#era.signal].map((signal) => follow(signal, stop));
    let over = false;
    const cancelBudget = after(control.budgetMs, () => {
      over = true;
      stop.abort();
    });
    try {
      const call = { ...control, request, gathered, signal: stop.signal };
      await this.#turns.run(stop.signal, () => this.#serve(call));
    } catch (error) {
      if (!over) throw error;
    } finally {
      // Whatever still runs for this call is not wanted any more.
      stop.abort();
      cancelBudget();
      for (const undo of unlink) undo();
      this.#pendingCalls -= 1;
      this.#rest();
    }
    return gathered;
  }

  /** Ends all workers as soon as no call is pending, and resolves then. */
  async retire(): Promise<void> {
    this.#retired = true;
    this.#rest();
    const { signal } = this.#disposal;
    if (!signal.aborted)
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    await this.#starter.released;
  }

  /** Goes on with the counters of the pool in whose place this one comes. */
  inherit(from: Pool): void {
    this.restarts += from.restarts;
    this.#ignored += from.ignored;
  }

  /** Ends all workers and rejects whatever is pending. */
  dispose(): void {
    const error = disposedError();
    this.#disposal.abort(error);
    this.#cancelIdle();
    this.#era.abort(error);
    for (const { client } of [...this.#members]) client.close(error);
  }

  async #serve(call: Call): Promise<void> {
    const { request, gathered, signal } = call;
    await withSignal(this.#live(), signal);
    const pairs = request.pairs.length / 2;
    const wanted = Math.min(this.workersAtMost, workersFor(pairs, this.#settings.workers, processors()));
    // Workers that are still to come serve later calls; this one does not wait for them.
    void this.#grow(wanted);
    const workers = this.#members.slice(0, wanted);
    gathered.workers = workers.length;
    const maxLength = request.maxLength || (this.latest?.info.maxLength ?? 0);
    const shares = split(weigh(request.pairs, maxLength), workers.length);
    await Promise.all(workers.map((worker, i) => this.#runShare(call, worker, shares[i] ?? [])));
  }

  /**
   * Scores the pairs at `places` in one worker. If the worker is lost, one that lives takes over what is left, once;
   * when none lives, or that one is lost too, the call is.
   */
  async #runShare(call: Call, worker: Member, places: readonly number[], heir = false): Promise<void> {
    const { request, gathered, signal } = call;
    let done = 0;
    const onPart = (part: Part) => {
      const from = done;
      done += part.scores.length;
      gathered.add(places.slice(from, done), part);
      call.onScores?.(gathered);
    };
    const pairs = places.flatMap((place) => request.pairs.slice(2 * place, 2 * place + 2));
    try {
      const end = await worker.client.call('run', { ...request, pairs }, { signal, onPart });
      worker.memoryBytes = end.memoryBytes;
      gathered.took(end);
    } catch (error) {
      const next = this.#leastLoaded();
      const lost = worker.client.closed === error && !this.disposed;
      if (!lost || heir || next === undefined || signal.aborted) throw error;
      await this.#runShare(call, next, places.slice(done), true);
      return;
    }
    if (done !== places.length) {
      throw new CrossrankError(
        'INTERNAL',
        `The worker gave ${done} scores for ${places.length} pairs. Please report it.`,
      );
    }
  }

  #leastLoaded(): Member | undefined {
    return [...this.#members].sort((a, b) => a.client.load - b.client.load)[0];
  }

  /** Whether even the oldest worker may stop when it is idle, because another pool serves. */
  set spare(value: boolean) {
    this.#spare = value;
    this.#rest();
  }

  /** Waits until a worker lives. After the last one was lost all calls wait for the same new start. */
  async #live(): Promise<void> {
    if (this.#members.length === 0) await this.#growing;
    if (this.#members.length > 0) return;
    this.#starting ??= this.#starter
      .first({})
      .then((started) => this.#add(started))
      .finally(() => {
        this.#starting = undefined;
      });
    await this.#starting;
  }

  /** Starts workers, one after the other, until there are `count`. Never rejects: calls work with fewer, too. */
  #grow(count: number): Promise<void> {
    this.#growing ??= this.#growTo(count).finally(() => {
      this.#growing = undefined;
      this.#rest();
    });
    return this.#growing;
  }

  async #growTo(count: number): Promise<void> {
    while (this.#members.length < count && (await this.#starter.repeatable()) && !this.disposed) {
      try {
        this.#add(await this.#starter.another());
      } catch {
        // Probably out of memory. To try again at each call would make each call slower.
        this.#workersAtMost = Math.max(1, this.#members.length);
        return;
      }
    }
  }

  #add(started: Started): void {
    // Both may have come about in the moment since the start resolved.
    if (this.disposed) started.client.close(disposedError());
    if (started.client.closed) throw started.client.closed;
    this.latest = started;
    this.#members.push({ ...started, memoryBytes: started.info.memoryBytes });
    if (this.#vacancies === 0) return;
    this.#vacancies -= 1;
    this.restarts += 1;
  }

  /** A worker ended: lost, or stopped by us. */
  #ended(client: WorkerClient, error: CrossrankError): void {
    const place = this.#members.findIndex((member) => member.client === client);
    if (place < 0) return; // while it started; whoever started it is told
    this.#members.splice(place, 1);
    this.#ignored += client.ignored;
    if (error.code === 'DISPOSED') return;
    this.#vacancies += 1;
    if (this.#members.length > 0) return;
    this.lost = error;
    this.#onLost?.(error);
    const era = this.#era;
    this.#era = new AbortController();
    era.abort(error);
  }

  /** After a while without calls, stops all workers but the oldest, and that too where it is spare. */
  #rest(): void {
    this.#cancelIdle();
    if (this.#pendingCalls > 0 || this.disposed) return;
    if (this.#retired) {
      this.dispose();
      return;
    }
    this.#cancelIdle = after(this.#settings.idleMs, () => {
      const kept = this.#spare && this.#starter.canRepeat ? 0 : 1;
      for (const { client } of this.#members.slice(kept)) client.close(disposedError());
    });
  }
}

/** Calls `work` once after `ms`; never if that is undefined or too long to count. Returns how to take it back. */
export function after(ms: number | undefined, work: () => void): () => void {
  if (ms === undefined || ms > MAX_TIMER_MS) return () => {};
  const timer = setTimeout(work, ms);
  return () => clearTimeout(timer);
}

export function processors(): number {
  return globalThis.navigator?.hardwareConcurrency ?? 1;
}

function busyError(): CrossrankError {
  return new CrossrankError(
    'BUSY',
    `${MAX_PENDING_CALLS} calls are waiting already (MAX_PENDING_CALLS). Calls are made faster than they are ` +
      'answered. Wait for answers, or abort calls whose answer is no longer wanted.',
  );
}
