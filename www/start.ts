// Starts workers and puts the model into them: the first one while the model downloads, further ones from the cache or
// from what the page holds. Called by pool.ts. What the workers do afterwards is the pool's.

import { ModelCache } from './assets/cache.js';
import { DEFAULT_POLICY, HttpError } from './assets/download.js';
import { HeldModel } from './assets/held.js';
import { type Manifest, sameManifest } from './assets/manifest.js';
import { fetchManifest, ModelDelivery, type ModelSink, type Version } from './assets/model.js';
import { ProgressMeter } from './assets/progress.js';
import type { ModelSource } from './assets/source.js';
import { holdVersion } from './assets/versions.js';
import { WorkerClient } from './client.js';
import { abortError, CrossrankError, disposedError, follow } from './errors.js';
import type { Binary } from './glue.js';
import type { LoadOptions } from './options.js';
import type { DeviceKind, Precision, Requests, Results } from './protocol.js';

export interface StartSettings {
  readonly source: ModelSource;
  readonly cache: boolean;
  readonly createWorker: () => Worker;
  readonly wasmUrl: string | null;
  readonly precision: Precision;
  readonly device: DeviceKind;
  /** Tokens of a pair that the model must be able to read; 0: any number. */
  readonly maxLength: number;
  /** Whether workers may be wanted beside the first one. */
  readonly several: boolean;
  /** A new version to take, in the place of the one that the cache remembers. */
  readonly newVersion?: Manifest;
}

/** A worker with the model in it. */
export interface Started {
  readonly client: WorkerClient;
  readonly info: Results['finish'];
  readonly binary: Binary;
}

/** Told of the end of each worker, at once. */
type OnEnd = (client: WorkerClient, error: CrossrankError) => void;

type Feed = (sink: ModelSink) => Promise<void>;

const WARM_UP: Requests['run'] = {
  pairs: ['where is the file opened', 'fn open(path: &Path) -> Result<File>'],
  maxLength: 0,
  activation: '',
  early: false,
};

export class Starter {
  /** How the model came, the last time that it was brought. */
  delivery: ModelDelivery | undefined;
  /** Settles when the versions that this one has used are free. */
  released: Promise<unknown> = Promise.resolve();

  readonly #settings: StartSettings;
  readonly #disposal: AbortSignal;
  readonly #onEnd: OnEnd;
  /** What the canaries of a GPU worker must give. */
  #expected: Float32Array<ArrayBuffer> | undefined;
  #held: HeldModel | undefined;
  /** The version that the first worker has. All others get the same, whatever cache and host have by then. */
  #version: Version | undefined;

  /** `onEnd` learns of the end of each worker that was started, at once. */
  constructor(settings: StartSettings, disposal: AbortSignal, onEnd: OnEnd) {
    this.#settings = settings;
    this.#disposal = disposal;
    this.#onEnd = onEnd;
    const { newVersion: manifest } = settings;
    this.#version = manifest && { manifest, isNew: true };
  }

  /** A starter of GPU workers with the model that this one has brought. `expected`: the logits of the canaries. */
  forGpu(expected: Float32Array<ArrayBuffer>, disposal: AbortSignal, onEnd: OnEnd): Starter {
    const starter = new Starter({ ...this.#settings, device: 'webgpu' }, disposal, onEnd);
    starter.#expected = expected;
    starter.#held = this.#held;
    starter.#version = this.#version;
    starter.delivery = this.delivery;
    return starter;
  }

  /** Whether a further worker needs no download, as far as is known. */
  get canRepeat(): boolean {
    return this.#held !== undefined || this.delivery?.stored === true;
  }

  /** The same, known for certain: waits until the cache has what it was given. */
  async repeatable(): Promise<boolean> {
    await this.delivery?.keep();
    return this.canRepeat;
  }

  /** A start when no worker lives; once more from the network if cached files turned out to be unusable. */
  async first(options: Pick<LoadOptions, 'signal' | 'onProgress'>): Promise<Started> {
    const meter = new ProgressMeter(options.onProgress);
    if (this.#held !== undefined) return await this.#repeat();
    await this.delivery?.keep();
    const cache = this.#settings.cache ? await ModelCache.open() : null;
    for (let version = this.#version, again = false; ; version = undefined, again = true) {
      const stop = new AbortController();
      const unlink = [options.signal, this.#disposal].map((signal) => follow(signal, stop));
      const { source } = this.#settings;
      const delivery = new ModelDelivery(source, cache, DEFAULT_POLICY, meter, stop.signal, version);
      try {
        return await this.#bring(delivery, meter, stop, cache === null);
      } catch (error) {
        const fresh = delivery.forgotten && (delivery.usedCache || version !== undefined);
        if (again || !(fresh || (await this.#replaced(delivery)))) throw error;
      } finally {
        for (const undo of unlink) undo();
      }
    }
  }

  /** A start beside a living worker. Its failure says nothing about the files, so none are forgotten. */
  async another(): Promise<Started> {
    if (this.#held !== undefined) return await this.#repeat();
    const cache = await ModelCache.open();
    const stop = new AbortController();
    const unlink = follow(this.#disposal, stop);
    const meter = new ProgressMeter(undefined);
    const { source } = this.#settings;
    const delivery = new ModelDelivery(source, cache, DEFAULT_POLICY, meter, stop.signal, this.#version);
    try {
      return await this.#attempt((sink) => delivery.deliver(sink), stop);
    } finally {
      unlink();
      void delivery.end();
    }
  }

  /** A start from what the page holds. */
  async #repeat(): Promise<Started> {
    const stop = new AbortController();
    const unlink = follow(this.#disposal, stop);
    try {
      return await this.#attempt(async (sink) => this.#held?.deliver(sink), stop);
    } finally {
      unlink();
    }
  }

  /** A start that brings the files, reports progress, and keeps what proved right. */
  async #bring(
    delivery: ModelDelivery,
    meter: ProgressMeter,
    stop: AbortController,
    uncached: boolean,
  ): Promise<Started> {
    const held = uncached && this.#settings.several ? new HeldModel() : undefined;
    const engine: { error?: unknown } = {};
    try {
      const feed: Feed = (sink) => delivery.deliver(held?.recording(sink) ?? sink);
      const started = await this.#attempt(feed, stop, engine, () => meter.warmUp());
      const kept = delivery.keep();
      // With a new version nobody waits for the first score: the one before serves.
      if (!delivery.writing || this.#settings.newVersion !== undefined) await kept;
      if (started.client.closed) throw started.client.closed;
      meter.done();
      this.#held = held;
      this.delivery = delivery;
      this.#settle(delivery.manifest);
      return started;
    } catch (error) {
      void delivery.end();
      if (error !== engine.error && blamesFiles(error)) await delivery.forget();
      throw error;
    }
  }

  /** Whether the host has another version by now than the one whose files turned out to be wrong. */
  async #replaced({ forgotten, believed, manifest }: ModelDelivery): Promise<boolean> {
    if (!forgotten || believed || manifest === null) return false;
    try {
      const policy = { ...DEFAULT_POLICY, retries: 0 };
      const now = await fetchManifest(this.#settings.source, policy, this.#disposal);
      return !sameManifest(now, manifest);
    } catch {
      return false;
    }
  }

  #settle(manifest: Manifest | null): void {
    this.#version = manifest === null ? undefined : { manifest, isNew: false };
    if (manifest === null || this.#settings.source.manifest !== null) return;
    const held = holdVersion(this.#settings.source, manifest, this.#disposal);
    this.released = Promise.all([this.released, held]);
  }

  /** `engine.error` is set if the worker or its wasm module, not the model, is why it failed. */
  async #attempt(
    feed: Feed,
    stop: AbortController,
    engine: { error?: unknown } = {},
    onBuilt: () => void = () => {},
  ): Promise<Started> {
    if (stop.signal.aborted) throw abortError(stop.signal);
    const { createWorker, wasmUrl, precision, device } = this.#settings;
    // The end of the worker ends the download, too.
    const client = new WorkerClient(createWorker, (error) => {
      stop.abort(error);
      this.#onEnd(client, error);
    });
    const onStop = () => client.close(abortError(stop.signal));
    stop.signal.addEventListener('abort', onStop, { once: true });
    try {
      // The engine compiles while the model downloads; if it cannot, the download ends too.
      const open = client.open().then(() => client.call('start', { device, wasmUrl }));
      open.catch((error) => {
        engine.error = error;
        stop.abort(error);
      });
      await feed({
        begin: async ({ buffer: config }, { buffer: tokenizer }) => {
          await open;
          await client.call('model', { config, tokenizer, precision }, { transfer: [config, tokenizer] });
        },
        push: ({ buffer }) => client.call('weights', { bytes: buffer }, { transfer: [buffer] }),
      });
      const info = await client.call('finish', {});
      throwIfTooLong(this.#settings.maxLength, info.maxLength);
      onBuilt();
      if (this.#expected !== undefined) await client.call('trust', { expected: this.#expected });
      await client.call('run', WARM_UP);
      const { binary } = await open;
      return { client, info, binary };
    } catch (error) {
      // Of several failures that follow from one another, the first is the cause.
      const cause = client.closed ?? (stop.signal.aborted ? abortError(stop.signal) : error);
      client.close(disposedError());
      throw cause;
    } finally {
      stop.signal.removeEventListener('abort', onStop);
    }
  }
}

function throwIfTooLong(maxLength: number, limit: number): void {
  if (maxLength <= limit) return;
  throw new CrossrankError(
    'OPTION',
    `Option maxLength of Reranker.load is ${maxLength}. The model reads at most ${limit} tokens.`,
  );
}

/** Whether the files are the reason: damaged, or of a version that the server no longer has. Not: no connection. */
function blamesFiles(error: unknown): boolean {
  if (error instanceof HttpError) return !error.transient;
  return (
    error instanceof CrossrankError &&
    ['INTEGRITY', 'MODEL_INVALID', 'LIMIT', 'NON_FINITE'].includes(error.code)
  );
}
