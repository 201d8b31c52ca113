//! The encoder with int8 weights, through the kernels of `crate::kernels`.
//!
//! Same mathematics as `f32`, arranged for speed: query, key and value are one linear layer; GELU belongs to the layer
//! before it; the last layer computes only what the head reads, the first token of each sequence.

mod embeddings;
mod layer;
mod linear;
mod norm;
mod sequences;

pub(super) use linear::Int8Linear;
pub(super) use norm::AddNorm;

use burn::module::Module;
use burn::tensor::Tensor;

use super::PackedBatch;
use super::parts::Parts;
use crate::error::{Code, Error, Result};
use crate::kernels::Arithmetic;

use embeddings::Embeddings;
use layer::{LastLayer, Layer};
use sequences::Sequences;

/// Embeddings and encoder layers.
#[derive(Module, Debug)]
pub(super) struct Int8Encoder {
    embeddings: Embeddings,
    layers: Vec<Layer>,
    last: LastLayer,
}

impl Int8Encoder {
    pub(super) fn new(parts: &mut Parts<'_>) -> Result<Self> {
        let none = || Error::new(Code::Internal, "config", "a model without layers");
        let last = parts.config().num_hidden_layers.checked_sub(1).ok_or_else(none)?;
        Ok(Self {
            embeddings: Embeddings::new(parts)?,
            layers: (0..last).map(|layer| Layer::new(parts, layer)).collect::<Result<_>>()?,
            last: LastLayer::new(parts, last)?,
        })
    }

    /// Whether the table of words is in 4 bits.
    pub(super) fn int4_words(&self) -> bool {
        self.embeddings.int4_words()
    }

    /// The last layer's hidden state of every sequence's first token.
    ///
    /// # Shapes
    /// - output: `[sequences, hidden]`
    pub(super) fn forward(&self, batch: &PackedBatch, arithmetic: Arithmetic) -> Tensor<2> {
        // All that is uploaded goes first: a GPU submits its work before it takes an upload.
        let sequences = Sequences::new(batch, &self.embeddings.device());
        let mut hidden = self.embeddings.forward(batch);
        for layer in &self.layers {
            hidden = layer.forward(hidden, &sequences, arithmetic);
        }
        self.last.forward(hidden, &sequences, arithmetic)
    }

    /// What a batch's kernels up to here make of its first stamp.
    #[cfg(feature = "webgpu")]
    pub(super) fn stamp_after(&self, first: u32) -> u32 {
        use crate::kernels::gpu::stamp::{join, next};
        let after_attention = |stamp| (0..5).fold(stamp, |stamp, _| next(stamp));
        let hidden = self.layers.iter().fold(first, |hidden, _| {
            let projected = next(hidden);
            after_attention(join(projected, projected))
        });
        after_attention(join(next(next(hidden)), next(hidden)))
    }
}
