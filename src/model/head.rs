//! Pooler and classifier: from the `[CLS]` token's hidden state to the logit. f32 in both precisions: two small products
//! a pair, and the classifier's error would be the logit's error.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::activation::tanh;

use super::f32::Pass;
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
    /// - first: `[sequences, hidden]`, the hidden state of each sequence's first token
    /// - output: `[sequences]`
    pub(super) fn forward(&self, first: Tensor<2>, pass: &impl Pass) -> Tensor<1> {
        let pooled = pass.dropout(tanh(self.pooler.forward(first)));
        self.classifier.forward(pooled).squeeze_dim(1)
    }
}
