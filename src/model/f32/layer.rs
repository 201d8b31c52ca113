//! One encoder layer: self-attention, then the feed-forward network, each with its residual and LayerNorm (post-norm).

use burn::module::Module;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::Tensor;
use burn::tensor::activation::gelu;

use super::attention::SelfAttention;
use crate::error::Result;
use crate::model::PackedBatch;
use crate::model::parts::Parts;

#[derive(Module, Debug)]
pub(super) struct EncoderLayer {
    attention: SelfAttention,
    intermediate: Linear,
    output: Linear,
    layer_norm: LayerNorm,
}

impl EncoderLayer {
    pub(super) fn new(parts: &mut Parts<'_>, layer: usize, heads: usize) -> Result<Self> {
        let (hidden, intermediate) = (parts.config().hidden_size, parts.config().intermediate_size);
        let name = format!("bert.encoder.layer.{layer}");
        Ok(Self {
            attention: SelfAttention::new(parts, &format!("{name}.attention"), heads)?,
            intermediate: parts.linear(&format!("{name}.intermediate.dense"), [hidden, intermediate])?,
            output: parts.linear(&format!("{name}.output.dense"), [intermediate, hidden])?,
            layer_norm: parts.layer_norm(&format!("{name}.output.LayerNorm"))?,
        })
    }

    /// # Shapes
    /// - hidden, output: `[tokens, hidden]`
    pub(super) fn forward(&self, hidden: Tensor<2>, batch: &PackedBatch) -> Tensor<2> {
        let hidden = self.attention.forward(hidden, batch);
        // burn's `gelu` is the exact one, with erf, as BERT's.
        let inner = gelu(self.intermediate.forward(hidden.clone()));
        self.layer_norm.forward(self.output.forward(inner) + hidden)
    }
}
