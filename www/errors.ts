// The one error type of the library, and the table of its codes. src/error.rs and docs/errors.md carry the same table;
// a test compares them. Errors cross the worker boundary as plain data, because a structured clone drops `code`.

/** What each code means, and whether the same call may succeed when it is tried again. */
export const ERROR_CODES = {
  NETWORK: { retryable: true, meaning: 'a file could not be fetched: offline, 404, 5xx or stalled' },
  INTEGRITY: {
    retryable: false,
    meaning: 'a file arrived with wrong bytes: hash, length, or HTML in its place',
  },
  MODEL_MISSING: { retryable: false, meaning: 'no model was named, and the default one is not installed' },
  MODEL_INVALID: { retryable: false, meaning: 'config, tokenizer, weights or manifest cannot be used' },
  OPTION: { retryable: false, meaning: 'a wrong argument or an unknown option' },
  LIMIT: { retryable: false, meaning: 'a cap was exceeded' },
  NON_FINITE: { retryable: false, meaning: 'the model gave a score that is not a finite number' },
  UNSUPPORTED: { retryable: false, meaning: 'this place lacks something that is needed' },
  WORKER_START: { retryable: false, meaning: 'the worker script could not be loaded or started' },
  WORKER_LOST: { retryable: true, meaning: 'the worker ended in the middle of a call' },
  GPU_UNTRUSTED: { retryable: false, meaning: 'the GPU gave a wrong answer, or none' },
  ABORTED: { retryable: false, meaning: 'the signal of the call was aborted' },
  DISPOSED: { retryable: false, meaning: 'the reranker was disposed' },
  BUSY: { retryable: false, meaning: 'too many calls are waiting' },
  INTERNAL: { retryable: false, meaning: 'a bug in crossrank' },
} as const satisfies Record<string, { retryable: boolean; meaning: string }>;

/** A stable name for a kind of failure. Compare `error.code`, never the message. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** An error as data, the form in which it crosses the worker boundary. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
}

/**
 * Everything that crossrank throws or rejects with.
 *
 * The message has three parts (what happened, why it is likely, what to do) and ends with the place that explains the
 * code. An aborted call has `name === 'AbortError'`, as platform functions do, and the signal's reason as `cause`.
 */
export class CrossrankError extends Error {
  readonly code: ErrorCode;
  /** Whether the same call may succeed when it is tried again. */
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    const link = `(docs/errors.md#${code.toLowerCase()})`;
    super(message.endsWith(link) ? message : `${message} ${link}`, options);
    this.name = code === 'ABORTED' ? 'AbortError' : 'CrossrankError';
    this.code = code;
    this.retryable = ERROR_CODES[code].retryable;
  }
}

/** Whether a value is one of the codes of the table (and not a name that every object inherits). */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERROR_CODES, value);
}

/** Whether a value from another thread or from wasm is an error as data. */
export function isWireError(value: unknown): value is WireError {
  if (typeof value !== 'object' || value === null) return false;
  const { code, message } = value as Partial<Record<keyof WireError, unknown>>;
  return isErrorCode(code) && typeof message === 'string';
}

/** An error as plain data. Anything that is not ours is a bug of ours. */
export function toWire(error: unknown): WireError {
  if (error instanceof CrossrankError) return { code: error.code, message: error.message };
  return { code: 'INTERNAL', message: `Unexpected failure: ${describe(error)}. Please report it.` };
}

/** The error that a wire form stands for. */
export function fromWire(wire: WireError): CrossrankError {
  return new CrossrankError(wire.code, wire.message);
}

/** A short text for any thrown value; never throws itself. */
export function describe(error: unknown): string {
  if (error instanceof Error) return error.message === '' ? error.name : `${error.name}: ${error.message}`;
  try {
    return String(error);
  } catch {
    return 'a value without text';
  }
}

/** The error of an aborted signal. A reason that is ours already (a lost worker, say) is passed on as it is. */
export function abortError(signal: AbortSignal): CrossrankError {
  if (signal.reason instanceof CrossrankError) return signal.reason;
  return new CrossrankError('ABORTED', 'The call was aborted by its signal.', { cause: signal.reason });
}

/** Throws when the signal is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}

/** Waits for a promise, but no longer than until the signal is aborted. The promise itself goes on. */
export function withSignal<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(abortError(signal));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Aborts `target` when `signal` is aborted. Returns how to undo that. */
export function follow(signal: AbortSignal | undefined, target: AbortController): () => void {
  const onAbort = () => target.abort(signal && abortError(signal));
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  return () => signal?.removeEventListener('abort', onAbort);
}

export function disposedError(): CrossrankError {
  return new CrossrankError(
    'DISPOSED',
    'The reranker was disposed, and its workers and model with it. Load a new one with Reranker.load().',
  );
}
