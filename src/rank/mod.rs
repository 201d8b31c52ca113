//! From texts to an order: encode, plan, forward, score, order. Pure: no clock, no I/O, no state between calls.
//!
//! [`Job`] runs a call batch by batch, so that a worker can see a cancel in between; [`Reranker::predict`] and
//! [`Reranker::rank`] run it to the end.

mod canary;
mod order;
mod plan;
mod score;

pub use canary::{Canaries, Placed};
pub use order::order;
pub use score::Activation;

use burn::tensor::Tensor;

use crate::config::ModelConfig;
use crate::device::Device;
use crate::error::{Code, Error, Result, check_limit};
use crate::limits;
use crate::model::{CrossEncoder, PackedBatch};
use crate::tokenize::{EncodedPair, PairEncoder};
use crate::weights::Tensors;

/// A document's place in a ranking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// Index into the documents of the call.
    pub index: usize,
    /// The score after the activation. Comparable within one query only.
    pub score: f32,
}

/// A loaded model with its tokenizer: everything that ranking needs.
#[derive(Debug)]
pub struct Reranker {
    config: ModelConfig,
    encoder: PairEncoder,
    model: CrossEncoder,
    tokens_per_batch: usize,
    #[cfg(feature = "webgpu")]
    batches: std::cell::Cell<usize>,
}

impl Reranker {
    /// Puts a model together from a folder's checked parts.
    ///
    /// # Errors
    /// `INTERNAL` if a tensor is missing; the parts are complete by construction.
    pub fn new(config: ModelConfig, encoder: PairEncoder, tensors: Tensors, device: &Device) -> Result<Self> {
        let model = CrossEncoder::new(&config, tensors, device)?;
        Ok(Self {
            config,
            encoder,
            model,
            tokens_per_batch: plan::TOKENS_PER_BATCH,
            #[cfg(feature = "webgpu")]
            batches: std::cell::Cell::new(0),
        })
    }

    /// The same with batches of up to `tokens` tokens. The default suits a CPU.
    #[must_use]
    pub const fn with_tokens_per_batch(mut self, tokens: usize) -> Self {
        self.tokens_per_batch = tokens;
        self
    }

    /// The configuration the model was built from.
    #[must_use]
    pub const fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Whether the table of words is in 4 bits.
    #[must_use]
    pub fn int4_words(&self) -> bool {
        self.model.int4_words()
    }

    /// Most tokens a pair may have: the position table's length.
    #[must_use]
    pub const fn max_length(&self) -> usize {
        self.config.max_position_embeddings
    }

    /// Token ids and segments of one pair, as the model sees them.
    ///
    /// # Errors
    /// `LIMIT` for over-long texts, `OPTION` for a bad `max_length`.
    pub fn encode(&self, query: &str, document: &str, max_length: Option<usize>) -> Result<EncodedPair> {
        let max_length = self.checked_max_length(max_length)?;
        self.encoder.encode_pair(query, document, max_length)
    }

    /// Tokenises `pairs` of (query, document), cuts each to `max_length` tokens (`None`: the model's) and plans the
    /// batches. Neighbours with the same query have it tokenised once.
    ///
    /// # Errors
    /// `LIMIT` if a text, their number or their sum is above its cap; `OPTION` if `max_length` is out of range.
    pub fn begin<'t>(&self, pairs: &[(&'t str, &'t str)], max_length: Option<usize>) -> Result<Job> {
        let max_length = self.checked_max_length(max_length)?;
        check_limit("pairs", pairs.len(), limits::MAX_PAIRS, "pairs")?;
        let bytes = pairs.iter().map(|(query, document)| query.len() + document.len()).sum();
        check_limit("texts", bytes, limits::MAX_CALL_BYTES, "bytes")?;
        Ok(Job::new(self.encoder.encode_pairs(pairs, max_length)?, self.tokens_per_batch))
    }

    /// Scores of `pairs` in their order. `activation` `None` is the model's own.
    ///
    /// # Errors
    /// As [`Reranker::begin`]; `NON_FINITE` if a logit is not finite.
    pub async fn predict(
        &self,
        pairs: &[(&str, &str)],
        activation: Option<Activation>,
        max_length: Option<usize>,
    ) -> Result<Vec<f32>> {
        let mut job = self.begin(pairs, max_length)?;
        while let Some(batch) = job.next_batch() {
            let logits = self.forward(batch).await?;
            job.store(&logits)?;
        }
        job.scores(activation.unwrap_or(self.config.activation))
    }

    /// The `top_k` best documents (`None`: all), score descending, then index ascending.
    ///
    /// # Errors
    /// As [`Reranker::predict`].
    pub async fn rank(
        &self,
        query: &str,
        documents: &[&str],
        top_k: Option<usize>,
        max_length: Option<usize>,
    ) -> Result<Vec<Ranked>> {
        let pairs: Vec<_> = documents.iter().map(|document| (query, *document)).collect();
        let scores = self.predict(&pairs, None, max_length).await?;
        let ranked = order(&scores, top_k).into_iter();
        Ok(ranked.filter_map(|index| Some(Ranked { index, score: *scores.get(index)? })).collect())
    }

    /// One batch through the model. Logits in the order of the batch.
    ///
    /// # Errors
    /// `WORKER_LOST` if the device cannot be read.
    pub async fn forward(&self, batch: PackedBatch) -> Result<Vec<f32>> {
        #[cfg(feature = "webgpu")]
        let (batch, last) = self.stamped(batch);
        let logits = read(self.model.forward(&batch)).await;
        #[cfg(feature = "webgpu")]
        let logits = check_stamp(logits?, last);
        logits
    }

    /// The logits of the two canaries with activations in f32: what [`Reranker::canaries`] takes on another device.
    ///
    /// # Errors
    /// `WORKER_LOST` if the device cannot be read.
    pub async fn canary_logits(&self) -> Result<Vec<f32>> {
        let pairs = canary::encode(&self.encoder, self.max_length())?;
        let mut logits = read(self.model.forward_f32(&PackedBatch::pack(&pairs))).await?;
        logits.truncate(pairs.len());
        Ok(logits)
    }

    /// The batch with a stamp of its own, and the stamp that must come back with its logits.
    #[cfg(feature = "webgpu")]
    fn stamped(&self, batch: PackedBatch) -> (PackedBatch, u32) {
        let first = crate::kernels::gpu::stamp::first(self.batches.get());
        self.batches.set(self.batches.get().wrapping_add(1));
        (batch.with_stamp(first), self.model.stamp_after(first))
    }

    /// Query and document of each canary.
    #[must_use]
    pub const fn canary_texts(&self) -> [(&'static str, &'static str); 2] {
        canary::TEXTS
    }

    /// Canaries that must give `logits`.
    ///
    /// # Errors
    /// `OPTION` if `logits` are not two finite numbers.
    pub fn canaries(&self, logits: &[f32]) -> Result<Canaries> {
        match *logits {
            [first, second] if first.is_finite() && second.is_finite() => {
                Ok(Canaries::new(canary::encode(&self.encoder, self.max_length())?, [first, second]))
            }
            _ => Err(Error::new(Code::Option, "canaries", "expected the logits of two canaries, finite")),
        }
    }

    fn checked_max_length(&self, max_length: Option<usize>) -> Result<usize> {
        let longest = self.max_length();
        match max_length {
            None => Ok(longest),
            Some(tokens) if (limits::MIN_MAX_LENGTH..=longest).contains(&tokens) => Ok(tokens),
            Some(tokens) => {
                let message = format!("{tokens} is not between {} and {longest} tokens", limits::MIN_MAX_LENGTH);
                Err(Error::new(Code::Option, "max_length", message))
            }
        }
    }
}

async fn read(logits: Tensor<1>) -> Result<Vec<f32>> {
    let data = logits.into_data_async().await;
    let data = data.map_err(|e| Error::new(Code::WorkerLost, "device", format!("read-back failed: {e}")))?;
    data.try_into_vec_as::<f32>()
        .map_err(|e| Error::new(Code::Internal, "device", format!("logits are not floats: {e}")))
}

/// The logits without the stamp behind them.
#[cfg(feature = "webgpu")]
fn check_stamp(mut logits: Vec<f32>, expected: u32) -> Result<Vec<f32>> {
    match logits.pop() {
        // Stamps are exact in f32.
        Some(stamp) if stamp == expected as f32 => Ok(logits),
        stamp => {
            let message = format!("the last kernel's stamp is {stamp:?} and not {expected}: one did not run");
            Err(Error::new(Code::GpuUntrusted, "stamp", message))
        }
    }
}

/// A call under way: encoded pairs, planned batches, logits so far.
#[derive(Debug)]
pub struct Job {
    pairs: Vec<EncodedPair>,
    batches: Vec<std::ops::Range<usize>>,
    started: usize,
    logits: Vec<f32>,
}

impl Job {
    fn new(pairs: Vec<EncodedPair>, tokens_per_batch: usize) -> Self {
        let lengths: Vec<_> = pairs.iter().map(|pair| pair.ids.len()).collect();
        let batches = plan::batches(&lengths, tokens_per_batch);
        Self { batches, logits: Vec::with_capacity(pairs.len()), pairs, started: 0 }
    }

    /// Pairs of the call.
    #[must_use]
    pub const fn pairs(&self) -> usize {
        self.pairs.len()
    }

    /// Planned batches.
    #[must_use]
    pub const fn batches(&self) -> usize {
        self.batches.len()
    }

    /// Tokens of all pairs, after truncation.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.pairs.iter().map(|pair| pair.ids.len()).sum()
    }

    /// Pairs that were cut to `max_length`.
    #[must_use]
    pub fn truncated(&self) -> usize {
        self.pairs.iter().filter(|pair| pair.truncated).count()
    }

    /// Pairs whose logit is known.
    #[must_use]
    pub const fn scored(&self) -> usize {
        self.logits.len()
    }

    /// Packs the next batch, or `None` when all have been handed out.
    pub fn next_batch(&mut self) -> Option<PackedBatch> {
        self.next_guarded(None).map(|(batch, _)| batch)
    }

    /// [`Job::next_batch`] with `canaries` among its pairs. What [`Placed::check`] leaves of its logits is for
    /// [`Job::store`].
    pub fn next_guarded(&mut self, canaries: Option<&Canaries>) -> Option<(PackedBatch, Placed)> {
        let range = self.batches.get(self.started)?.clone();
        self.started += 1;
        let pairs = self.pairs.get(range)?;
        Some(match canaries {
            Some(canaries) => canaries.pack(pairs),
            None => (PackedBatch::pack(pairs), Placed::none()),
        })
    }

    /// Keeps the logits of the batch handed out last.
    ///
    /// # Errors
    /// `NON_FINITE` if one is not finite, naming its pair; `INTERNAL` if there are more logits than pairs.
    pub fn store(&mut self, logits: &[f32]) -> Result<()> {
        if self.logits.len() + logits.len() > self.pairs.len() {
            return Err(Error::new(Code::Internal, "logits", "more logits than pairs"));
        }
        if let Some(offset) = logits.iter().position(|logit| !logit.is_finite()) {
            let pair = self.logits.len() + offset;
            return Err(Error::new(
                Code::NonFinite,
                format!("pair {pair}"),
                "the model returned a logit that is not finite",
            ));
        }
        self.logits.extend_from_slice(logits);
        Ok(())
    }

    /// Scores in the order of the pairs.
    ///
    /// # Errors
    /// `INTERNAL` if a batch is still to be run.
    pub fn scores(&self, activation: Activation) -> Result<Vec<f32>> {
        if self.logits.len() != self.pairs.len() {
            return Err(Error::new(Code::Internal, "scores", "asked for before the last batch was stored"));
        }
        Ok(self.logits.iter().map(|logit| activation.apply(*logit)).collect())
    }
}
