//! Pooler and classifier: from the `[CLS]` token's hidden state to the logit.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::activation::tanh;

use super::PackedBatch;
use super::parts::Parts;
use crate::error::Result;

#[derive(Module, Debug)]
pub(super) struct Head {
    pooler: Linear,
    classifier: Linear,
}

impl Head {
    pub(super) fn new(parts: &mut Parts<'_>) -> Result<Self> {
        let hidden = parts.config().hidden_size;
        Ok(Self {
            pooler: parts.linear("bert.pooler.dense", [hidden, hidden])?,
            classifier: parts.linear("classifier", [hidden, 1])?,
        })
    }

    /// # Shapes
    /// - hidden: `[tokens, hidden]`
    /// - output: `[sequences]`
    pub(super) fn forward(&self, hidden: Tensor<2>, batch: &PackedBatch) -> Tensor<1> {
        let first = hidden.select(0, batch.first_tokens(&self.pooler.weight.device()));
        self.classifier.forward(tanh(self.pooler.forward(first))).reshape([batch.sequences()])
    }
}
