//! The cross-encoder as a burn module: embeddings, encoder layers, head.
//!
//! Tokens of all pairs of a batch are packed into one `[tokens, hidden]` tensor without padding; only attention looks
//! at where one sequence ends and the next begins. So a score does not depend on what else is in the batch.
//! Field names are those of transformers' `BertForSequenceClassification`, which is the reference:
//! <https://github.com/huggingface/transformers/blob/main/src/transformers/models/bert/modeling_bert.py>

mod attention;
mod batch;
mod embeddings;
mod encoder;
mod head;
mod parts;

pub use batch::PackedBatch;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::config::ModelConfig;
use crate::error::Result;
use crate::weights::Tensors;

use embeddings::Embeddings;
use encoder::EncoderLayer;
use head::Head;

/// A BERT encoder with a pooler and a one-label classifier.
#[derive(Module, Debug)]
pub struct CrossEncoder {
    embeddings: Embeddings,
    layers: Vec<EncoderLayer>,
    head: Head,
}

impl CrossEncoder {
    /// Builds the module from `tensors`, which are moved to `device` one by one.
    ///
    /// # Errors
    /// `INTERNAL` if a tensor of the expected table is not there; [`Tensors`] are complete by construction.
    pub fn new(config: &ModelConfig, mut tensors: Tensors, device: &Device) -> Result<Self> {
        let mut parts = parts::Parts::new(config, &mut tensors, device);
        Ok(Self {
            embeddings: Embeddings::new(&mut parts)?,
            layers: (0..config.num_hidden_layers)
                .map(|layer| EncoderLayer::new(&mut parts, layer, config.num_attention_heads))
                .collect::<Result<_>>()?,
            head: Head::new(&mut parts)?,
        })
    }

    /// The logit of every sequence of the batch.
    ///
    /// # Shapes
    /// - batch: `tokens` packed tokens of `sequences` sequences
    /// - output: `[sequences]`
    #[must_use]
    pub fn forward(&self, batch: &PackedBatch) -> Tensor<1> {
        let mut hidden = self.embeddings.forward(batch);
        for layer in &self.layers {
            hidden = layer.forward(hidden, batch);
        }
        self.head.forward(hidden, batch)
    }
}
