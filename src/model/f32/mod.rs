//! The encoder in f32, with burn's own operations: the reference that the kernels are compared with.

mod attention;
mod embeddings;
mod layer;
mod pass;

pub(crate) use pass::{Inference, Pass};

use burn::module::Module;
use burn::tensor::Tensor;

use super::PackedBatch;
use super::parts::Parts;
use crate::error::Result;

use embeddings::Embeddings;
use layer::EncoderLayer;

/// Embeddings and encoder layers.
#[derive(Module, Debug)]
pub(super) struct F32Encoder {
    embeddings: Embeddings,
    layers: Vec<EncoderLayer>,
}

impl F32Encoder {
    pub(super) fn new(parts: &mut Parts<'_>) -> Result<Self> {
        let config = parts.config();
        Ok(Self {
            embeddings: Embeddings::new(parts)?,
            layers: (0..config.num_hidden_layers)
                .map(|layer| EncoderLayer::new(parts, layer, config.num_attention_heads))
                .collect::<Result<_>>()?,
        })
    }

    /// The last layer's hidden state of every sequence's first token.
    ///
    /// # Shapes
    /// - output: `[sequences, hidden]`
    pub(super) fn forward(&self, batch: &PackedBatch, pass: &impl Pass) -> Tensor<2> {
        let mut hidden = pass.dropout(self.embeddings.forward(batch));
        for layer in &self.layers {
            hidden = layer.forward(hidden, batch, pass);
        }
        let device = hidden.device();
        hidden.select(0, batch.first_tokens(&device))
    }
}
