//! Every cap of the crate, with its unit and the reason for it.
//!
//! Not a tuning file: batch budgets live in `rank::plan`. The TypeScript side keeps the caps it needs before wasm is
//! there (download sizes) in `www/limits.ts`; a test compares the two.

/// Bytes of `config.json`. Real ones are about 1 kB.
pub const MAX_CONFIG_BYTES: usize = 1 << 20;
/// Bytes of `tokenizer.json`. BERT's is 0.5 MB, multilingual ones reach 17 MB.
pub const MAX_TOKENIZER_BYTES: usize = 32 << 20;
/// Bytes of `manifest.json`. 2 GiB in 4 MiB shards need about 70 kB.
pub const MAX_MANIFEST_BYTES: usize = 1 << 20;
/// Bytes of all weights together. BERT-large in f32 is 1.3 GB; wasm32 ends at 4 GiB.
pub const MAX_WEIGHTS_BYTES: usize = 2 << 30;
/// Bytes of one shard, the unit of download and of repair.
pub const MAX_SHARD_BYTES: usize = 16 << 20;
/// Bytes of the JSON header of a safetensors file. BERT-large needs 50 kB.
pub const MAX_HEADER_BYTES: usize = 1 << 20;
/// Tensors of a safetensors file. BERT-large has 391, and 540 with scales.
pub const MAX_TENSORS: usize = 4096;
/// Bytes of one file of training data. 1 GiB is two million pairs of 500 characters.
pub const MAX_TRAINING_BYTES: usize = 1 << 30;
/// Bytes of one file of a benchmark folder. The largest known is 3 MB.
pub const MAX_BENCHMARK_BYTES: usize = 1 << 30;
/// Encoder layers. BERT-large has 24.
pub const MAX_LAYERS: usize = 48;
/// Width of the hidden state. BERT-large has 1,024.
pub const MAX_HIDDEN_SIZE: usize = 4096;
/// Width of the feed-forward layer. BERT-large has 4,096.
pub const MAX_INTERMEDIATE_SIZE: usize = 16_384;
/// Word pieces of the vocabulary. Multilingual BERT has 119,547.
pub const MAX_VOCAB_SIZE: usize = 1 << 20;
/// Positions (tokens of the longest pair).
pub const MAX_POSITIONS: usize = 8192;
/// Segment types.
pub const MAX_SEGMENTS: usize = 16;
/// Smallest `max_length` in tokens: `[CLS]`, two `[SEP]` and nothing else.
pub const MIN_MAX_LENGTH: usize = 3;
/// Bytes (UTF-8) of one query. The model sees at most 512 tokens, about 4 kB of English.
pub const MAX_QUERY_BYTES: usize = 64 << 10;
/// Bytes (UTF-8) of one document. Tokenising is linear in it, though all but the first 512 tokens are cut off.
pub const MAX_DOCUMENT_BYTES: usize = 4 << 20;
/// Pairs of one call. A reranker sees the head of a list; 10,000 pairs are minutes of work on a CPU.
pub const MAX_PAIRS: usize = 10_000;
/// Bytes (UTF-8) of all texts of one call.
pub const MAX_CALL_BYTES: usize = 64 << 20;
/// Calls that may wait for the pool. Kept here for the table; enforced by the TypeScript client.
pub const MAX_PENDING_CALLS: usize = 1024;
