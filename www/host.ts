// Keeps one working worker with one model in it: starts it, feeds it, and replaces it after a loss at the next call.
// Reranker asks it to run pairs; it knows nothing of documents or options of single calls.

import { ModelCache } from './assets/cache.js';
import { DEFAULT_POLICY, HttpError } from './assets/download.js';
import { ModelDelivery } from './assets/model.js';
import { ProgressMeter } from './assets/progress.js';
import type { ModelSource } from './assets/source.js';
import { WorkerClient } from './client.js';
import { abortError, CrossrankError, withSignal } from './errors.js';
import { MAX_PENDING_CALLS } from './limits.js';
import type { LoadOptions } from './options.js';
import type { Requests, Results } from './protocol.js';

export interface HostSettings {
  readonly source: ModelSource;
  readonly cache: boolean;
  readonly createWorker: () => Worker;
  readonly wasmUrl: string | null;
}

/** What a finished start learned. */
export interface Loaded {
  readonly client: WorkerClient;
  readonly delivery: ModelDelivery;
  readonly info: Results['finish'];
}

const WARM_UP: Requests['run'] = {
  pairs: ['where is the file opened', 'fn open(path: &Path) -> Result<File>'],
  maxLength: 0,
  activation: '',
  topK: null,
};

export class ModelHost {
  /** The latest start; its client may have ended since. */
  loaded: Loaded | undefined;
  /** Workers started after the first one. */
  restarts = 0;

  readonly #settings: HostSettings;
  readonly #disposal = new AbortController();
  #starting: Promise<Loaded> | undefined;
  #pendingCalls = 0;

  constructor(settings: HostSettings) {
    this.#settings = settings;
  }

  get pendingCalls(): number {
    return this.#pendingCalls;
  }

  get disposed(): boolean {
    return this.#disposal.signal.aborted;
  }

  /** Starts the first worker. */
  async load(options: Pick<LoadOptions, 'signal' | 'onProgress'>): Promise<void> {
    this.loaded = await this.#start(options);
  }

  /** Scores pairs, in a fresh worker if the last one ended. */
  async run(request: Requests['run'], signal: AbortSignal | undefined): Promise<Results['run']> {
    this.throwIfDisposed();
    if (this.#pendingCalls >= MAX_PENDING_CALLS) {
      throw new CrossrankError(
        'BUSY',
        `${MAX_PENDING_CALLS} calls are waiting already (MAX_PENDING_CALLS). Calls are made faster than they are ` +
          'answered. Wait for answers, or abort calls whose answer is no longer wanted.',
      );
    }
    this.#pendingCalls += 1;
    try {
      const { client } = await withSignal(this.#live(), signal);
      return await client.call('run', request, { signal });
    } finally {
      this.#pendingCalls -= 1;
    }
  }

  async warmUp(signal: AbortSignal | undefined): Promise<void> {
    await this.run(WARM_UP, signal);
  }

  /** Ends the worker and rejects whatever is pending. */
  dispose(): void {
    const error = disposedError();
    this.#disposal.abort(error);
    this.loaded?.client.close(error);
  }

  throwIfDisposed(): void {
    if (this.disposed) throw abortError(this.#disposal.signal);
  }

  /** The live worker. After a loss all calls wait for the same new start. */
  async #live(): Promise<Loaded> {
    if (this.loaded !== undefined && this.loaded.client.closed === undefined) return this.loaded;
    this.#starting ??= this.#start({})
      .then((loaded) => {
        this.loaded = loaded;
        this.restarts += 1;
        return loaded;
      })
      .finally(() => {
        this.#starting = undefined;
      });
    return await this.#starting;
  }

  /** A start; once more if cached files turned out to be unusable and were forgotten. */
  async #start(options: Pick<LoadOptions, 'signal' | 'onProgress'>): Promise<Loaded> {
    const cache = this.#settings.cache ? await ModelCache.open() : null;
    const meter = new ProgressMeter(options.onProgress);
    for (let first = true; ; first = false) {
      const stop = new AbortController();
      const unlink = [options.signal, this.#disposal.signal].map((signal) => follow(signal, stop));
      const delivery = new ModelDelivery(this.#settings.source, cache, DEFAULT_POLICY, meter, stop.signal);
      try {
        return await this.#attempt(delivery, meter, stop);
      } catch (error) {
        const fresh = delivery.forgotten && delivery.usedCache;
        if (!first || !fresh) throw error;
      } finally {
        for (const undo of unlink) undo();
      }
    }
  }

  async #attempt(delivery: ModelDelivery, meter: ProgressMeter, stop: AbortController): Promise<Loaded> {
    if (stop.signal.aborted) throw abortError(stop.signal);
    // The end of the worker ends the download, too.
    const client = new WorkerClient(this.#settings.createWorker, (error) => stop.abort(error));
    let engineError: unknown;
    const onStop = () => client.close(abortError(stop.signal));
    stop.signal.addEventListener('abort', onStop, { once: true });
    try {
      // The engine compiles while the model downloads; if it cannot, the download ends too.
      const started = client.open().then(() => client.call('start', { wasmUrl: this.#settings.wasmUrl }));
      started.catch((error) => {
        engineError = error;
        stop.abort(error);
      });
      await delivery.deliver({
        begin: async (config, tokenizer) => {
          await started;
          const transfer = [config.buffer, tokenizer.buffer];
          await client.call('model', { config: config.buffer, tokenizer: tokenizer.buffer }, { transfer });
        },
        push: ({ buffer }) => client.call('weights', { bytes: buffer }, { transfer: [buffer] }),
      });
      const info = await client.call('finish', {});
      meter.warmUp();
      await client.call('run', WARM_UP);
      await delivery.keep();
      if (client.closed) throw client.closed;
      meter.done();
      return { client, delivery, info };
    } catch (error) {
      // Of several failures that follow from one another, the first is the cause.
      const cause = client.closed ?? (stop.signal.aborted ? abortError(stop.signal) : error);
      client.close(disposedError());
      if (cause !== engineError && blamesFiles(cause)) await delivery.forget();
      throw cause;
    } finally {
      stop.signal.removeEventListener('abort', onStop);
    }
  }
}

/** Aborts `target` when `signal` is aborted. Returns how to undo that. */
function follow(signal: AbortSignal | undefined, target: AbortController): () => void {
  const onAbort = () => target.abort(signal && abortError(signal));
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  return () => signal?.removeEventListener('abort', onAbort);
}

/** Whether the files are the reason: damaged, or of a version that the server no longer has. Not: no connection. */
function blamesFiles(error: unknown): boolean {
  if (error instanceof HttpError) return !error.transient;
  return (
    error instanceof CrossrankError &&
    ['INTEGRITY', 'MODEL_INVALID', 'LIMIT', 'NON_FINITE'].includes(error.code)
  );
}

function disposedError(): CrossrankError {
  return new CrossrankError(
    'DISPOSED',
    'The reranker was disposed, and its worker and model with it. Load a new one with Reranker.load().',
  );
}
