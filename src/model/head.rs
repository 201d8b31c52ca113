//! Pooler and classifier: from the `[CLS]` token's hidden state to the logit. f32 in both precisions: two small products
//! a pair, and the classifier's error would be the logit's error.

#[cfg(feature = "webgpu")]
use burn::backend::{Dispatch, DispatchTensor};
use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;

#[cfg(feature = "cpu")]
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
    #[cfg(feature = "cpu")]
    pub(super) fn forward(&self, first: Tensor<2>, pass: &impl Pass) -> Tensor<1> {
        let pooled = pass.dropout(burn::tensor::activation::tanh(self.pooler.forward(first)));
        self.classifier.forward(pooled).squeeze_dim(1)
    }

    /// The same as one kernel, and a stamp behind its results.
    #[cfg(feature = "webgpu")]
    pub(super) fn forward(&self, first: Tensor<2>) -> Tensor<1> {
        use crate::kernels::HeadOps;
        let [pooler, classifier] = [&self.pooler, &self.classifier].map(|linear| linear.weight.val().into_dispatch());
        let [pooler_bias, classifier_bias] = [&self.pooler, &self.classifier].map(bias);
        let first = first.into_dispatch();
        Tensor::from_dispatch(Dispatch::head(first, pooler, pooler_bias, classifier, classifier_bias))
    }
}

/// The bias of a layer that has one by construction.
#[cfg(feature = "webgpu")]
fn bias(linear: &Linear) -> DispatchTensor {
    let bias = linear.bias.as_ref().map(|bias| bias.val());
    bias.unwrap_or_else(|| Tensor::zeros([linear.weight.dims()[1]], &linear.weight.device())).into_dispatch()
}
