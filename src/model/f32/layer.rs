//! One encoder layer: self-attention, then the feed-forward network, each with its residual and LayerNorm (post-norm).

use burn::module::Module;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::Tensor;

use super::attention::SelfAttention;
use super::pass::Pass;
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
    pub(super) fn forward(&self, hidden: Tensor<2>, batch: &PackedBatch, pass: &impl Pass) -> Tensor<2> {
        let hidden = self.attention.forward(hidden, batch, pass);
        let inner = pass.gelu(self.intermediate.forward(hidden.clone()));
        pass.add_norm(self.output.forward(inner), hidden, &self.layer_norm)
    }
}
