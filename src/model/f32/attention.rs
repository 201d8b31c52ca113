//! Multi-head self-attention over packed sequences.

use burn::module::Module;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::Tensor;
use burn::tensor::module::attention;

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
    pub(super) fn forward(&self, hidden: Tensor<2>, batch: &PackedBatch) -> Tensor<2> {
        let query = self.query.forward(hidden.clone());
        let key = self.key.forward(hidden.clone());
        let value = self.value.forward(hidden.clone());
        let context = batch
            .ranges()
            .map(|range| {
                let [query, key, value] =
                    [&query, &key, &value].map(|x| self.heads_of(x.clone().slice([range.clone()])));
                self.joined(attention(query, key, value, None, None, Default::default()))
            })
            .collect();
        self.layer_norm.forward(self.output.forward(Tensor::cat(context, 0)) + hidden)
    }

    /// `[length, hidden]` -> `[1, heads, length, head]`
    fn heads_of(&self, sequence: Tensor<2>) -> Tensor<4> {
        let [length, hidden] = sequence.dims();
        sequence.reshape([1, length, self.heads, hidden / self.heads]).swap_dims(1, 2)
    }

    /// `[1, heads, length, head]` -> `[length, hidden]`
    fn joined(&self, context: Tensor<4>) -> Tensor<2> {
        let [_, heads, length, head] = context.dims();
        context.swap_dims(1, 2).reshape([length, heads * head])
    }
}
