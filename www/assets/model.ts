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
  /** Whether every file is in the cache. */
  stored: boolean;

  readonly #source: ModelSource;
  readonly #cache: ModelCache | null;
  readonly #signal: AbortSignal;
  readonly #policy: FetchPolicy;
  readonly #meter: ProgressMeter;
  #manifest: Manifest | null;

  constructor(
    source: ModelSource,
    cache: ModelCache | null,
    policy: FetchPolicy,
    meter: ProgressMeter,
    signal: AbortSignal,
  ) {
    this.#source = source;
    this.#cache = cache;
    this.#policy = policy;
    this.#meter = meter;
    this.#signal = signal;
    this.#manifest = source.manifest;
    this.stored = cache !== null;
    this.id = source.fallbackId;
  }

  /** What tells this model from others: the hash of its weights, where a manifest names one, else its folder. */
  get identity(): string {
    return this.#manifest?.weights.sha256 ?? this.#source.url('');
  }

  /** Hands the whole model to the sink. */
  async deliver(sink: ModelSink): Promise<void> {
    this.#manifest ??= await this.#findManifest();
    if (this.#manifest !== null) await this.#deliverManifest(this.#manifest, sink);
    else await this.#deliverFolder(sink);
  }

  /** The model proved usable: remember the manifest too, so that the next load needs no request. */
  async keep(): Promise<void> {
    if (this.#manifest === null || this.#source.manifest !== null || !this.stored) return;
    const text = JSON.stringify(this.#manifest);
    this.stored = (await this.#cache?.write(this.#source.url(MANIFEST_FILE), text)) ?? false;
  }

  /** The files proved unusable: forget those that no hash vouches for, so that the next load fetches them anew. */
  async forget(): Promise<void> {
    if (this.#source.manifest !== null) return; // every file is bound to a hash by the package itself
    this.forgotten = true;
    const names = this.#manifest === null ? Object.values(HF_FILES) : [MANIFEST_FILE];
    for (const name of names) await this.#cache?.remove(this.#source.url(name));
  }

  /** The manifest; null for a Hugging Face folder. What the cache holds is believed, so that it works offline. */
  async #findManifest(): Promise<Manifest | null> {
    const url = this.#source.url(MANIFEST_FILE);
    const kept = this.#cache === null ? null : await keptManifest(this.#source, this.#cache);
    if (kept !== null) {
      this.usedCache = true;
      return kept;
    }
    if (await this.#cache?.read(this.#source.url(HF_FILES.config))) return null;
    let bytes: Bytes;
    try {
      bytes = await this.#fetchWhole(url, 'MAX_MANIFEST_BYTES', MAX_MANIFEST_BYTES, 'no-cache');
    } catch (error) {
      // Hosts answer a missing file with 404, with 401 or 403 (so as not to tell), or with their start page.
      const absent = error instanceof HtmlError || (error instanceof HttpError && !error.transient);
      if (absent) return null;
      throw error;
    }
    return parseManifest(parseJson(bytes, url), url);
  }

  async #deliverManifest(manifest: Manifest, sink: ModelSink): Promise<void> {
    this.id = manifest.id;
    this.dtype = manifest.dtype;
    this.verified = canHash();
    this.bytes = filesOf(manifest).reduce((sum, file) => sum + file.bytes, 0);
    this.#meter.expect(this.bytes);
    const { config, tokenizer, weights } = manifest;
    const [configBytes, tokenizerBytes] = [await this.#obtain(config), await this.#obtain(tokenizer)];
    await sink.begin(configBytes, tokenizerBytes);
    this.#meter.compiled(config.bytes + tokenizer.bytes);
    for await (const shard of inOrder(weights.shards, SHARDS_AHEAD, (file) => this.#obtain(file))) {
      const { byteLength } = shard;
      await sink.push(shard);
      this.#meter.compiled(byteLength);
    }
  }

  /** A file of the manifest, from the cache if it is there and right, else from the network. */
  async #obtain(file: ManifestFile): Promise<Bytes> {
    const url = this.#source.url(file.path);
    const key = hashedKey(url, file.sha256);
    const look = () => this.#readVerified(key, url, file);
    const obtain = async () => (await look()) ?? (await this.#downloadAndKeep(key, url, file));
    // Another tab may be fetching the same file; there is nothing to wait for if it cannot share it.
    const bytes =
      (await look()) ?? (await (this.#cache === null ? obtain() : alone(key, this.#signal, obtain)));
    this.#meter.verified(bytes.byteLength);
    return bytes;
  }

  async #readVerified(key: string, url: string, file: ManifestFile): Promise<Bytes | undefined> {
    const kept = await this.#cache?.read(key);
    if (kept === undefined) return undefined;
    try {
      const bytes = new Uint8Array(await kept.arrayBuffer());
      await checkBytes(url, file, bytes);
      this.usedCache = true;
      this.#meter.cached(bytes.byteLength);
      return bytes;
    } catch {
      await this.#cache?.remove(key);
      return undefined;
    }
  }

  async #downloadAndKeep(key: string, url: string, file: ManifestFile): Promise<Bytes> {
    const bytes = await downloadVerified(url, file, {
      ...this.#streamDefaults(),
      onBytes: (count) => {
        this.downloaded += Math.max(count, 0);
        this.#meter.downloaded(count);
      },
    });
    if (this.stored) this.stored = (await this.#cache?.write(key, bytes)) ?? false;
    return bytes;
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

  async #fetchWhole(url: string, limit: string, cap: number, cacheMode: RequestCache): Promise<Bytes> {
    const tooLong = () => overCap(url, limit, cap);
    return concat(
      await collect(streamFile(url, { ...this.#streamDefaults(), cacheMode, maxBytes: cap, tooLong })),
    );
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

/** Whether every file of a model is in the cache. Looks, and reads nothing. */
export async function isStored(source: ModelSource, cache: ModelCache): Promise<boolean> {
  const manifest = source.manifest ?? (await keptManifest(source, cache));
  const keys =
    manifest === null
      ? Object.values(HF_FILES).map((name) => source.url(name))
      : filesOf(manifest).map((file) => hashedKey(source.url(file.path), file.sha256));
  const found = await Promise.all(keys.map((key) => cache.read(key)));
  return found.every((response) => response !== undefined);
}

/** The manifest that an earlier load kept, or null. */
async function keptManifest(source: ModelSource, cache: ModelCache): Promise<Manifest | null> {
  const url = source.url(MANIFEST_FILE);
  try {
    const kept = await cache.read(url);
    return kept === undefined ? null : parseManifest(await kept.json(), url);
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
