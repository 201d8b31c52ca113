//! Multi-head self-attention over packed sequences.

use burn::module::Module;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::Tensor;

use super::pass::Pass;
use crate::error::Result;
use crate::model::PackedBatch;
use crate::model::parts::Parts;

/// `LayerNorm(x + output(attention(query(x), key(x), value(x))))`
#[derive(Module, Debug)]
pub(super) struct SelfAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    layer_norm: LayerNorm,
    heads: usize,
}

impl SelfAttention {
    pub(super) fn new(parts: &mut Parts<'_>, name: &str, heads: usize) -> Result<Self> {
        let hidden = parts.config().hidden_size;
        let mut linear = |part: &str| parts.linear(&format!("{name}.{part}"), [hidden, hidden]);
        Ok(Self {
            query: linear("self.query")?,
            key: linear("self.key")?,
            value: linear("self.value")?,
            output: linear("output.dense")?,
            layer_norm: parts.layer_norm(&format!("{name}.output.LayerNorm"))?,
            heads,
        })
    }

    /// # Shapes
    /// - hidden, output: `[tokens, hidden]`
    pub(super) fn forward(&self, hidden: Tensor<2>, batch: &PackedBatch, pass: &impl Pass) -> Tensor<2> {
        let inputs = [&self.query, &self.key, &self.value].map(|linear| linear.forward(hidden.clone()));
        let context = pass.attention(inputs, batch, self.heads);
        pass.add_norm(self.output.forward(context), hidden, &self.layer_norm)
    }
}
