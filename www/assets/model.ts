// Brings the files of one model from cache or network to a sink, in the order config, tokenizer, weights.
// Keeps what proved right in the cache. Not here: how one file is fetched (download.ts), what the sink is (start.ts).

import { CrossrankError } from '../errors.js';
import {
  MAX_CONFIG_BYTES,
  MAX_MANIFEST_BYTES,
  MAX_TOKENIZER_BYTES,
  MAX_WEIGHTS_BYTES,
  SHARDS_AHEAD,
  WEIGHTS_MESSAGE_BYTES,
} from '../limits.js';
import { CacheCopy, hashedKey, type ModelCache } from './cache.js';
import {
  canHash,
  checkBytes,
  downloadVerified,
  type FetchPolicy,
  HtmlError,
  HttpError,
  type StreamOptions,
  streamFile,
} from './download.js';
import { weightsDtype } from './dtype.js';
import { inlineBytes, isInline } from './inline.js';
import { LateWrites, whileWriting } from './late.js';
import { alone } from './lock.js';
import { filesOf, type Manifest, type ManifestFile, parseManifest } from './manifest.js';
import type { ProgressMeter } from './progress.js';
import { HF_FILES, type ModelSource } from './source.js';
import { type Bytes, collect, concat, gather, inOrder, readAll } from './streams.js';

const MANIFEST_FILE = 'manifest.json';

/** Who takes the model. What is handed over belongs to the sink (it is transferred). */
export interface ModelSink {
  begin(config: Bytes, tokenizer: Bytes): Promise<unknown>;
  push(weights: Bytes): Promise<unknown>;
}

/** The version of a model to deliver, where it is settled which. */
export interface Version {
  readonly manifest: Manifest;
  /** Whether it is to take the place of the version that the cache remembers, once it has proved usable. */
  readonly isNew: boolean;
}

/** One delivery of a model's files, and what was learned on the way. */
export class ModelDelivery {
  /** The manifest's id and dtype; what is known of a Hugging Face folder. */
  id: string;
  dtype: string | null = null;
  /** Bytes of all files. */
  bytes = 0;
  /** Bytes that came over the network. */
  downloaded = 0;
  /** Whether every file's sha256 was checked. */
  verified = false;
  /** Whether any file came from the cache. */
  usedCache = false;
  /** Whether `forget` was called. */
  forgotten = false;
  /** Whether every file is in the cache, or will be, as far as is known. */
  stored: boolean;
  /** Whether every file is in the cache, and what is needed to find them there. */
  kept = false;
  /** Whether the cache said which files the model has. What the host says by now may be another thing. */
  believed = false;

  readonly #source: ModelSource;
  readonly #cache: ModelCache | null;
  readonly #signal: AbortSignal;
  readonly #policy: FetchPolicy;
  readonly #meter: ProgressMeter;
  readonly #late: LateWrites | null;
  readonly #writes: Promise<void>[] = [];
  #keeping: Promise<void> | undefined;
  readonly #version: Version | undefined;
  #manifest: Manifest | null;

  constructor(
    source: ModelSource,
    cache: ModelCache | null,
    policy: FetchPolicy,
    meter: ProgressMeter,
    signal: AbortSignal,
    version?: Version,
  ) {
    this.#source = source;
    this.#cache = cache;
    this.#late = cache && new LateWrites(cache);
    this.#policy = policy;
    this.#meter = meter;
    this.#signal = signal;
    this.#version = version;
    this.#manifest = source.manifest ?? version?.manifest ?? null;
    this.stored = cache !== null;
    this.id = source.fallbackId;
  }

  /** What tells this model from others: the hash of its weights, where a manifest names one, else its folder. */
  get identity(): string {
    return this.#manifest?.weights.sha256 ?? this.#source.url('');
  }

  /** The manifest; null for a Hugging Face folder, and before it is found. */
  get manifest(): Manifest | null {
    return this.#manifest;
  }

  /** Hands the whole model to the sink. */
  async deliver(sink: ModelSink): Promise<void> {
    this.#manifest ??= await this.#findManifest();
    if (this.#manifest !== null) await this.#deliverManifest(this.#manifest, sink);
    else await this.#deliverFolder(sink);
  }

  /** Whether files are still to be written into the cache. */
  get writing(): boolean {
    return this.#writes.length > 0;
  }

  /** The model proved usable: write what waits, and the manifest too, so that the next load needs no request. */
  keep(): Promise<void> {
    this.#keeping ??= whileWriting(this.#keep());
    return this.#keeping;
  }

  /** Nobody waits for this model any more: what has come whole is written now. Resolves when that is done. */
  end(): Promise<unknown> {
    this.#late?.begin();
    return whileWriting(Promise.all(this.#writes));
  }

  async #keep(): Promise<void> {
    await this.end();
    this.#writes.length = 0;
    if (this.#manifest !== null && this.#source.manifest === null) await this.#keepManifest(this.#manifest);
    this.kept = this.stored;
  }

  async #keepManifest(manifest: Manifest): Promise<void> {
    if (!this.stored) return;
    const url = this.#source.url(MANIFEST_FILE);
    // Another tab may have found a newer version since this one was settled.
    if (this.#version?.isNew === false && (await this.#cache?.read(url))) return;
    this.stored = (await this.#cache?.write(url, JSON.stringify(manifest))) ?? false;
  }

  /** The files proved unusable: forget those that no hash vouches for, so that the next load fetches them anew. */
  async forget(): Promise<void> {
    if (this.#source.manifest !== null) return; // every file is bound to a hash by the package itself
    if (this.#version?.isNew) return; // what the cache remembers is another version, which works
    this.forgotten = true;
    const names = this.#manifest === null ? Object.values(HF_FILES) : [MANIFEST_FILE];
    for (const name of names) await this.#cache?.remove(this.#source.url(name));
  }

  /** The manifest; null for a Hugging Face folder. What the cache holds is believed, so that it works offline. */
  async #findManifest(): Promise<Manifest | null> {
    const kept = this.#cache === null ? null : await keptManifest(this.#source, this.#cache);
    if (kept !== null) {
      this.usedCache = true;
      this.believed = true;
      return kept;
    }
    if (await this.#cache?.read(this.#source.url(HF_FILES.config))) return null;
    try {
      return await fetchManifest(this.#source, this.#policy, this.#signal);
    } catch (error) {
      // Hosts answer a missing file with 404, with 401 or 403 (so as not to tell), or with their start page.
      const absent = error instanceof HtmlError || (error instanceof HttpError && !error.transient);
      if (absent) return null;
      throw error;
    }
  }

  async #deliverManifest(manifest: Manifest, sink: ModelSink): Promise<void> {
    this.id = manifest.id;
    this.dtype = manifest.dtype;
    this.verified = canHash();
    this.bytes = filesOf(manifest).reduce((sum, file) => sum + file.bytes, 0);
    this.#meter.expect(this.bytes);
    // One sequence, so that shards are under way while the engine still compiles and reads the tokenizer.
    const files = inOrder(filesOf(manifest), SHARDS_AHEAD, (file) => this.#obtain(file));
    let config: Bytes | undefined;
    let begun = false;
    for await (const bytes of files) {
      const { byteLength } = bytes;
      this.#late?.copy(bytes);
      if (begun) await sink.push(bytes);
      else if (config === undefined) config = bytes;
      else {
        await sink.begin(config, bytes);
        begun = true;
      }
      this.#meter.compiled(byteLength);
    }
  }

  /** A file of the manifest, from the cache if it is there and right, else from the network. */
  async #obtain(file: ManifestFile): Promise<Bytes> {
    const url = this.#source.url(file.path);
    if (isInline(url)) return await this.#decode(url, file);
    const key = hashedKey(url, file.sha256);
    const bytes =
      (await this.#readVerified(key, url, file)) ??
      (this.#late === null
        ? await this.#download(url, file)
        : await this.#downloadAndKeep(this.#late, key, url, file));
    this.#meter.verified(bytes.byteLength);
    return bytes;
  }

  /** A file that came with the page's own script: neither downloaded nor kept. */
  async #decode(url: string, file: ManifestFile): Promise<Bytes> {
    const bytes = inlineBytes(url);
    await checkBytes(`${url.slice(0, 60)}…`, file, bytes);
    this.#meter.cached(bytes.byteLength);
    this.#meter.verified(bytes.byteLength);
    return bytes;
  }

  async #readVerified(key: string, url: string, file: ManifestFile): Promise<Bytes | undefined> {
    const kept = await this.#cache?.read(key);
    if (this.#cache === null || kept === undefined) return undefined;
    try {
      const bytes = new Uint8Array(await this.#cache.bytesOf(kept));
      await checkBytes(url, file, bytes);
      this.usedCache = true;
      this.#meter.cached(bytes.byteLength);
      return bytes;
    } catch {
      await this.#cache.remove(key);
      return undefined;
    }
  }

  /**
   * Another tab may be fetching the same file, so one tab at a time looks again, downloads and keeps it. The bytes are
   * there long before the write has ended; `keep` waits for it.
   */
  #downloadAndKeep(late: LateWrites, key: string, url: string, file: ManifestFile): Promise<Bytes> {
    return new Promise((resolve, reject) => {
      const work = async () => {
        const kept = await this.#readVerified(key, url, file);
        if (kept !== undefined) return resolve(kept);
        const bytes = await this.#download(url, file);
        const written = late.write(key, bytes);
        resolve(bytes);
        this.stored = (await written) && this.stored;
      };
      this.#writes.push(alone(key, this.#signal, work).catch(reject));
    });
  }

  #download(url: string, file: ManifestFile): Promise<Bytes> {
    return downloadVerified(url, file, {
      ...this.#streamDefaults(),
      onBytes: (count) => {
        this.downloaded += Math.max(count, 0);
        this.#meter.downloaded(count);
      },
    });
  }

  /** A Hugging Face folder: no hashes, one big file, whose chunks go on as they come. */
  async #deliverFolder(sink: ModelSink): Promise<void> {
    const { config, tokenizer, weights } = HF_FILES;
    const configBytes = await this.#wholeFile(config, 'MAX_CONFIG_BYTES', MAX_CONFIG_BYTES);
    const tokenizerBytes = await this.#wholeFile(tokenizer, 'MAX_TOKENIZER_BYTES', MAX_TOKENIZER_BYTES);
    const before = this.bytes;
    await sink.begin(configBytes, tokenizerBytes);
    this.#meter.compiled(before);
    const stream = this.#plainFile(weights, 'MAX_WEIGHTS_BYTES', MAX_WEIGHTS_BYTES, (length) => {
      this.#meter.expect(length === null ? null : before + length);
    });
    let pushed = 0;
    for await (const message of gather(stream, WEIGHTS_MESSAGE_BYTES)) {
      const { byteLength } = message;
      if (pushed === 0) this.dtype = weightsDtype(message);
      await sink.push(message);
      pushed += byteLength;
    }
    this.#meter.expect(this.bytes);
    this.#meter.verified(this.bytes);
    this.#meter.compiled(pushed);
  }

  async #wholeFile(path: string, limit: string, cap: number): Promise<Bytes> {
    return concat(await collect(this.#plainFile(path, limit, cap)));
  }

  /** The chunks of a file without a hash, from the cache or from the network, copied into the cache on the way. */
  async *#plainFile(
    path: string,
    limit: string,
    cap: number,
    onLength?: (bytes: number | null) => void,
  ): AsyncGenerator<Bytes> {
    const url = this.#source.url(path);
    const kept = await this.#cache?.read(url);
    if (kept?.body) {
      this.usedCache = true;
      for await (const chunk of readAll(kept.body)) {
        this.bytes += chunk.byteLength;
        this.#meter.cached(chunk.byteLength);
        yield chunk;
      }
      return;
    }
    const copy = this.stored && this.#cache !== null ? new CacheCopy(this.#cache, url) : null;
    try {
      const options = { ...this.#streamDefaults(), maxBytes: cap, tooLong: () => overCap(url, limit, cap) };
      for await (const chunk of streamFile(url, onLength ? { ...options, onLength } : options)) {
        this.bytes += chunk.byteLength;
        this.downloaded += chunk.byteLength;
        this.#meter.downloaded(chunk.byteLength);
        copy?.add(chunk);
        yield chunk;
      }
      if (copy !== null) this.stored = await copy.finish();
    } finally {
      copy?.discard();
    }
  }

  #streamDefaults(): Pick<StreamOptions, 'signal' | 'policy' | 'cacheMode'> {
    // What we keep ourselves need not lie in the HTTP cache as well.
    return {
      signal: this.#signal,
      policy: this.#policy,
      cacheMode: this.#cache === null ? 'default' : 'no-store',
    };
  }
}

/** The manifest as the host has it now. The browser asks only whether it has changed, where the host can tell. */
export async function fetchManifest(
  source: ModelSource,
  policy: FetchPolicy,
  signal: AbortSignal,
): Promise<Manifest> {
  const url = source.url(MANIFEST_FILE);
  const tooLong = () => overCap(url, 'MAX_MANIFEST_BYTES', MAX_MANIFEST_BYTES);
  const options = { signal, policy, cacheMode: 'no-cache', maxBytes: MAX_MANIFEST_BYTES, tooLong } as const;
  return parseManifest(parseJson(concat(await collect(streamFile(url, options))), url), url);
}

/** Whether every file of a model is in the cache. Looks, and reads nothing. */
export async function isStored(source: ModelSource, cache: ModelCache): Promise<boolean> {
  const manifest = source.manifest ?? (await keptManifest(source, cache));
  const keys =
    manifest === null
      ? Object.values(HF_FILES).map((name) => source.url(name))
      : filesOf(manifest)
          .map((file) => ({ url: source.url(file.path), sha256: file.sha256 }))
          .filter(({ url }) => !isInline(url))
          .map(({ url, sha256 }) => hashedKey(url, sha256));
  const found = await Promise.all(keys.map((key) => cache.read(key)));
  return found.every((response) => response !== undefined);
}

/** The manifest that an earlier load kept, or null. */
async function keptManifest(source: ModelSource, cache: ModelCache): Promise<Manifest | null> {
  const url = source.url(MANIFEST_FILE);
  try {
    const kept = await cache.read(url);
    if (kept === undefined) return null;
    return parseManifest(parseJson(new Uint8Array(await cache.bytesOf(kept)), url), url);
  } catch {
    await cache.remove(url);
    return null;
  }
}

function overCap(url: string, limit: string, cap: number): CrossrankError {
  return new CrossrankError(
    'LIMIT',
    `${url} has more than ${cap} bytes (${limit}). It is probably not the file it is named after. Check the model folder.`,
  );
}

function parseJson(bytes: Bytes, url: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new CrossrankError('MODEL_INVALID', `${url} is not JSON. It is damaged. Upload it again.`, {
      cause,
    });
  }
}
