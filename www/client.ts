// One worker, from its start to its end: gives each request an id, settles each exactly once, and settles all that are
// pending when the worker ends in whatever way. A closed client stays closed; pool.ts makes the next one.

import { abortError, CrossrankError, describe, fromWire, throwIfAborted } from './errors.js';
import { WORKER_START_MS } from './limits.js';
import {
  isResult,
  isToPage,
  type Part,
  PROTOCOL_VERSION,
  type Requests,
  type RequestType,
  type Results,
} from './protocol.js';
import { spawnWorker, workerUrl } from './spawn.js';

interface Pending {
  readonly type: RequestType;
  /** Undefined as soon as nobody waits for the outcome any more. */
  onPart: ((part: Part) => void) | undefined;
  settle(outcome: { value: unknown } | { error: CrossrankError }): void;
}

export interface CallOptions {
  readonly transfer?: Transferable[];
  readonly signal?: AbortSignal | undefined;
  /** Told what a `run` has before it ends. Must not throw. Not called after the promise settled. */
  readonly onPart?: (part: Part) => void;
}

export class WorkerClient {
  /** Messages from the worker that were none of the protocol's. */
  ignored = 0;

  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #watch = new AbortController();
  readonly #create: () => Worker;
  readonly #onClosed: (error: CrossrankError) => void;
  #lastId = 0;
  #answered = false;
  #closed: CrossrankError | undefined;

  /** Starts a worker. `create` is the caller's hook or the default; `onClosed` learns of its end. Throws WORKER_START. */
  constructor(create: () => Worker, onClosed: (error: CrossrankError) => void) {
    this.#create = create;
    this.#onClosed = onClosed;
    const { signal } = this.#watch;
    try {
      this.#worker = create();
      this.#worker.addEventListener('message', (event) => this.#receive(event.data), { signal });
      this.#worker.addEventListener('error', (event) => this.#onError(event), { signal });
      this.#worker.addEventListener(
        'messageerror',
        () => this.close(lost('sent a message that cannot be read')),
        {
          signal,
        },
      );
    } catch (cause) {
      this.#watch.abort();
      throw this.#notStarted(describe(cause), cause);
    }
  }

  /** Why the client ended; undefined while it lives. */
  get closed(): CrossrankError | undefined {
    return this.#closed;
  }

  /** Requests that the worker has not answered. */
  get load(): number {
    return this.#pending.size;
  }

  /** Waits until the worker answers its first message. Rejects with WORKER_START. */
  async open(): Promise<void> {
    const timer = setTimeout(() => this.close(this.#notStarted('it did not answer')), WORKER_START_MS);
    try {
      const { lock } = await this.call('hello', {});
      if (lock !== null) this.#watchLock(lock);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends a request. The promise always settles: with the answer, with an error, or because the worker ended. */
  call<T extends RequestType>(type: T, body: Requests[T], options: CallOptions = {}): Promise<Results[T]> {
    const { signal, transfer = [], onPart } = options;
    return new Promise<Results[T]>((resolve, reject) => {
      if (this.#closed) throw this.#closed;
      throwIfAborted(signal);
      const id = ++this.#lastId;
      const onAbort = () => {
        // The caller is answered at once. The entry stays until the worker has answered too.
        reject(signal && abortError(signal));
        pending.onPart = undefined;
        this.#worker.postMessage({ v: PROTOCOL_VERSION, id, type: 'cancel' });
      };
      const pending: Pending = {
        type,
        onPart,
        settle: (outcome) => {
          this.#pending.delete(id);
          signal?.removeEventListener('abort', onAbort);
          if ('error' in outcome) reject(outcome.error);
          else if (isResult(type, outcome.value)) resolve(outcome.value);
          else
            reject(
              new CrossrankError(
                'INTERNAL',
                `The worker's answer to ${type} is malformed. Please report it.`,
              ),
            );
        },
      };
      this.#pending.set(id, pending);
      signal?.addEventListener('abort', onAbort, { once: true });
      try {
        this.#worker.postMessage({ ...body, v: PROTOCOL_VERSION, id, type }, transfer);
      } catch (cause) {
        const error = new CrossrankError('INTERNAL', `A message could not be sent: ${describe(cause)}.`, {
          cause,
        });
        pending.settle({ error });
      }
    });
  }

  /** Terminates the worker and rejects everything pending with `error`. Only the first close counts. */
  close(error: CrossrankError): void {
    if (this.#closed) return;
    this.#closed = error;
    this.#watch.abort();
    this.#worker.terminate();
    for (const pending of [...this.#pending.values()]) pending.settle({ error });
    this.#onClosed(error);
  }

  #receive(message: unknown): void {
    const pending = isToPage(message) ? this.#pending.get(message.id) : undefined;
    if (!isToPage(message) || pending === undefined) {
      this.ignored += 1;
      return;
    }
    this.#answered = true;
    if (message.type === 'part') pending.onPart?.(message.part);
    else if (message.type === 'result') pending.settle({ value: message.value });
    else if (message.type === 'error') pending.settle({ error: fromWire(message.error) });
    else this.close(fromWire(message.error));
  }

  #onError(event: ErrorEvent): void {
    event.preventDefault?.(); // told to the caller through the error; the console need not say it again
    if (this.#answered) this.close(lost(`failed (${event.message || 'no message'})`));
    else this.close(this.#notStarted(event.message || 'the browser gives no reason'));
  }

  /** Learns of an end that fires no event: the lock that the worker holds comes free. */
  #watchLock(name: string): void {
    navigator.locks
      .request(name, { signal: this.#watch.signal }, () => this.close(lost('was terminated')))
      .catch(() => {
        // Closed in another way, which ended the wait.
      });
  }

  #notStarted(reason: string, cause?: unknown): CrossrankError {
    const which = this.#create === spawnWorker ? `script ${workerUrl()}` : 'that createWorker made';
    return new CrossrankError(
      'WORKER_START',
      `The worker ${which} could not be started: ${reason}. It is missing (404), ` +
        'served with a wrong MIME type, on another origin, or blocked by the Content-Security-Policy (worker-src). ' +
        'Check its URL, or pass createWorker.',
      { cause },
    );
  }
}

function lost(how: string): CrossrankError {
  return new CrossrankError(
    'WORKER_LOST',
    `The worker ${how} in the middle of its work. The browser may have run out of memory. ` +
      'Call again: the next call starts a fresh worker.',
  );
}
