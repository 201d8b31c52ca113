// Fetches one file: status, content type, length and sha256 checked, with retries, a stall detector and a byte cap.
// Not here: which files a model has (model.ts) and where verified ones are kept (cache.ts).

import { abortError, CrossrankError, describe } from '../errors.js';
import { DOWNLOAD_PIECE_BYTES } from '../limits.js';
import type { ManifestFile } from './manifest.js';
import { passingPieces, pieces } from './streams.js';

/** How patient a download is. */
export interface FetchPolicy {
  /** Further tries after the first one failed. */
  readonly retries: number;
  /** Milliseconds before the first retry; doubled each time, and spread by up to half so that clients do not agree. */
  readonly backoffMs: number;
  /** Milliseconds without a single byte after which a try is given up. */
  readonly stallMs: number;
}

export const DEFAULT_POLICY: FetchPolicy = { retries: 3, backoffMs: 500, stallMs: 30_000 };

export interface StreamOptions {
  readonly signal: AbortSignal;
  readonly policy: FetchPolicy;
  readonly cacheMode: RequestCache;
  /** Bytes after which the download stops, whatever the server said about the length. */
  readonly maxBytes: number;
  /** The error when there are more. */
  readonly tooLong: () => CrossrankError;
  /** Whether a chunk need be valid only until the next is asked for, which saves time and memory. */
  readonly passing?: boolean;
  /** Told the length that the server announced, or null, when the first answer arrives. */
  readonly onLength?: (bytes: number | null) => void;
}

/** A server's refusal; `status` lets the caller tell "no such file" from the rest. */
export class HttpError extends CrossrankError {
  readonly status: number;
  constructor(url: string, status: number) {
    super(
      'NETWORK',
      `${url} answered with status ${status}. ` +
        (status === 404
          ? 'The file is not there. Check the model option and that all files of the folder were uploaded.'
          : 'The host refuses or fails. Check that the file is public, and try again.'),
    );
    this.status = status;
  }
  /** Whether the host may answer differently soon. */
  get transient(): boolean {
    return this.status >= 500 || this.status === 408 || this.status === 429;
  }
}

/** HTML where a model file should be. */
export class HtmlError extends CrossrankError {
  constructor(url: string) {
    super(
      'INTEGRITY',
      `${url} answered with HTML instead of a model file. ` +
        'Your host probably serves index.html for missing files. Check that the file is there and the URL is right.',
    );
  }
}

/**
 * The bytes of a file as they arrive. A broken connection is resumed where it ended, by a Range request where the
 * host honours it, else by skipping what was delivered before; so the caller sees each byte once.
 */
export async function* streamFile(
  url: string,
  options: StreamOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { signal, policy } = options;
  let delivered = 0;
  for (let failures = 0; ; failures++) {
    const attempt = new Attempt(signal, policy.stallMs);
    try {
      const response = await attempt.guard(request(url, delivered, attempt.signal, options.cacheMode));
      let skip = response.status === 206 ? 0 : delivered;
      if (delivered === 0) options.onLength?.(announcedLength(response));
      const { body } = response;
      const read = body && (options.passing ? passingPieces(body, DOWNLOAD_PIECE_BYTES) : pieces(body));
      while (read) {
        const { done, value } = await attempt.guard(read());
        if (done || value === undefined) break;
        const fresh = value.subarray(Math.min(skip, value.byteLength));
        skip -= value.byteLength - fresh.byteLength;
        if (fresh.byteLength === 0) continue;
        delivered += fresh.byteLength;
        if (delivered > options.maxBytes) throw options.tooLong();
        yield fresh;
      }
      return;
    } catch (error) {
      if (signal.aborted) throw abortError(signal);
      if (error instanceof CrossrankError && !(error instanceof HttpError && error.transient)) throw error;
      if (failures >= policy.retries)
        throw error instanceof CrossrankError ? error : unreachable(url, attempt, error);
      await pause(policy.backoffMs * 2 ** failures * (1 + Math.random() / 2), signal);
    } finally {
      attempt.end();
    }
  }
}

/** Fetches a file of a manifest and checks its length and sha256. Throws INTEGRITY when it stays wrong. */
export async function downloadVerified(
  url: string,
  file: ManifestFile,
  options: Pick<StreamOptions, 'signal' | 'policy' | 'cacheMode'> & { onBytes: (count: number) => void },
): Promise<Uint8Array<ArrayBuffer>> {
  // A second try past the HTTP cache: what is wrong may be a damaged copy there, not the file.
  for (const cacheMode of [options.cacheMode, 'reload'] as const) {
    const parts = new Uint8Array(file.bytes);
    let length = 0;
    const tooLong = () => wrongBytes(url, `it has more than the ${file.bytes} bytes that the manifest lists`);
    try {
      const { bytes: maxBytes } = file;
      const chunks = streamFile(url, { ...options, cacheMode, maxBytes, tooLong, passing: true });
      for await (const chunk of chunks) {
        parts.set(chunk, length);
        length += chunk.byteLength;
        options.onBytes(chunk.byteLength);
      }
      await checkBytes(url, file, parts.subarray(0, length));
      return parts;
    } catch (error) {
      options.onBytes(-length);
      if (!(error instanceof WrongBytes) || cacheMode === 'reload') throw error;
    }
  }
  throw new CrossrankError('INTERNAL', 'A download ended without an outcome.');
}

/** The file has other bytes than the manifest says. */
class WrongBytes extends CrossrankError {}

function wrongBytes(url: string, what: string): WrongBytes {
  return new WrongBytes(
    'INTEGRITY',
    `${url} has wrong bytes: ${what}. It was probably cut on the way or belongs to another version. ` +
      'Upload all files of the folder again.',
  );
}

/** Checks length and, where the browser can hash, sha256. Returns whether the hash was checked. Throws INTEGRITY. */
export async function checkBytes(
  url: string,
  file: ManifestFile,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  if (bytes.byteLength !== file.bytes) throw wrongBytes(url, `${bytes.byteLength} instead of ${file.bytes}`);
  if (!canHash()) return false;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (hex !== file.sha256) throw wrongBytes(url, `sha256 ${hex} instead of ${file.sha256}`);
  return true;
}

/** Whether this place can compute a sha256: pages that are not served securely cannot. */
export function canHash(): boolean {
  return globalThis.crypto?.subtle !== undefined;
}

/** One try: its own abort controller, which the caller's signal and the stall timer pull. */
class Attempt {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #stallMs: number;
  readonly #onAbort = () => this.#controller.abort(this.#outer.reason);
  stalled = false;

  constructor(outer: AbortSignal, stallMs: number) {
    this.#outer = outer;
    this.#stallMs = stallMs;
    if (outer.aborted) this.#onAbort();
    else outer.addEventListener('abort', this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Waits for the network, and gives up on it after the stall time. The consumer's own time does not count. */
  async guard<T>(promise: Promise<T>): Promise<T> {
    const timer = setTimeout(() => {
      this.stalled = true;
      this.#controller.abort();
    }, this.#stallMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  end(): void {
    this.#outer.removeEventListener('abort', this.#onAbort);
    this.#controller.abort();
  }
}

async function request(
  url: string,
  from: number,
  signal: AbortSignal,
  cache: RequestCache,
): Promise<Response> {
  const response = await fetch(url, { signal, cache, headers: from > 0 ? { Range: `bytes=${from}-` } : {} });
  if (!response.ok) throw new HttpError(url, response.status);
  if (/^text\/html\b/i.test(response.headers.get('content-type') ?? '')) throw new HtmlError(url);
  return response;
}

/** The length of the decoded body; unknown when it is compressed, because the header counts compressed bytes. */
function announcedLength(response: Response): number | null {
  const header = response.headers.get('content-length');
  if (header === null || !/^\d{1,15}$/.test(header) || response.headers.has('content-encoding')) return null;
  return Number(header);
}

function unreachable(url: string, attempt: Attempt, cause: unknown): CrossrankError {
  const what = attempt.stalled ? 'sent nothing for too long' : `could not be fetched (${describe(cause)})`;
  return new CrossrankError(
    'NETWORK',
    `${url} ${what}. The connection is down, or the host does not allow this page to read it (CORS, connect-src). ` +
      'Check the URL and try again.',
    { cause },
  );
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(abortError(signal));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
