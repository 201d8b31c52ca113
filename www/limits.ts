// Every cap of the page side, with its unit and reason. Caps that Rust knows too have the same name and value in
// src/limits.rs, and a test compares the two files. The size of one text and model shapes are Rust's alone.

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** Bytes of config.json. Real ones are about 1 KiB; a larger one is not a model config. */
export const MAX_CONFIG_BYTES = 1 * MIB;

/** Bytes of tokenizer.json. The largest multilingual ones are about 17 MiB. */
export const MAX_TOKENIZER_BYTES = 32 * MIB;

/** Bytes of manifest.json. 512 shards need about 80 KiB. */
export const MAX_MANIFEST_BYTES = 1 * MIB;

/** Bytes of all weights together. A 32-bit wasm memory holds 4 GiB, and weights are decoded beside their source. */
export const MAX_WEIGHTS_BYTES = 2 * GIB;

/** Bytes of one shard. It is held whole on the page while its sha256 is computed. */
export const MAX_SHARD_BYTES = 16 * MIB;

/** Shards of one manifest: at the usual 4 MiB each they reach `MAX_WEIGHTS_BYTES`. */
export const MAX_SHARDS = 512;

/** Pairs of one call, over all workers. Each worker sees its share only, so the page counts. */
export const MAX_PAIRS = 10_000;

/** Bytes (UTF-8) of all texts of one call, over all workers. */
export const MAX_CALL_BYTES = 64 * MIB;

/** Workers of one reranker. Browsers give a page about as many threads as there are processors. */
export const MAX_WORKERS = 16;

/** Workers that `workers: 'auto'` uses. Each holds the model; more than this rarely pays on a reader's machine. */
export const MAX_AUTO_WORKERS = 4;

/** Pairs of a call for each worker that `workers: 'auto'` uses: fewer are not worth a message. */
export const AUTO_PAIRS_PER_WORKER = 4;

/** Milliseconds without a call after which the workers beyond the first stop, if `idleMs` does not say. */
export const IDLE_MS = 60_000;

/** Calls that may wait or run at once. More means that the caller never waits for answers: `BUSY`. */
export const MAX_PENDING_CALLS = 1024;

/** Bytes of a file that are taken from the network at once, if as many are there. */
export const DOWNLOAD_PIECE_BYTES = MIB / 4;

/** Bytes of one message with weights. Network chunks (about 64 KiB) are gathered up to this before they cross. */
export const WEIGHTS_MESSAGE_BYTES = 4 * MIB;

/** Files of a model fetched ahead of the one being handed over: hides latency, holds at most this many + 1 in memory. */
export const SHARDS_AHEAD = 3;

/**
 * Milliseconds the browser's storage may take to answer. Damaged profiles have storage that never does. Far more than a
 * busy disk takes for a shard.
 */
export const STORAGE_MS = 10_000;

/** Milliseconds that a downloaded file waits for the model to be ready before it is written into the cache all the same. */
export const LATE_WRITE_MS = 1_000;

/** Bytes of files that wait for that. Those of a model with more are written while it downloads. */
export const MAX_LATE_BYTES = 32 * MIB;

/** Milliseconds a worker may take to answer its first message; a script that cannot load fails much sooner. */
export const WORKER_START_MS = 30_000;

/** Milliseconds the GPU may take to open, for its known-answer tests, and for its first batches: drivers compile then. */
export const GPU_START_MS = 60_000;

/** Milliseconds that a later batch may take at least, before the GPU counts as hung. Drivers give up at about the same. */
export const READBACK_MS = 10_000;

/** Milliseconds without a call after which `device: 'auto'` tries the GPU: the first results come before it. */
export const GPU_TRIAL_MS = 1_000;

/** Milliseconds between two looks at a model's manifest, at least. No host should be asked more often. */
export const MIN_RELOAD_MS = 1000;
