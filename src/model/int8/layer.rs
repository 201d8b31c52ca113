//! One encoder layer, and the last one.

use burn::backend::Dispatch;
use burn::module::Module;
use burn::tensor::Tensor;

use super::linear::Int8Linear;
use super::norm::AddNorm;
use super::sequences::Sequences;
use crate::error::Result;
use crate::kernels::{Arithmetic, KernelOps};
use crate::model::parts::Parts;

/// Self-attention and feed-forward network for all tokens.
#[derive(Module, Debug)]
pub(super) struct Layer {
    query_key_value: Int8Linear,
    rest: AfterAttention,
    heads: usize,
}

/// The last layer: every token is a key and a value, but only first tokens ask, and only they go on.
#[derive(Module, Debug)]
pub(super) struct LastLayer {
    query: Int8Linear,
    key_value: Int8Linear,
    rest: AfterAttention,
    heads: usize,
}

/// What follows attention, row by row.
#[derive(Module, Debug)]
struct AfterAttention {
    attention_output: Int8Linear,
    attention_norm: AddNorm,
    intermediate: Int8Linear,
    output: Int8Linear,
    norm: AddNorm,
}

impl Layer {
    pub(super) fn new(parts: &mut Parts<'_>, layer: usize) -> Result<Self> {
        let name = format!("bert.encoder.layer.{layer}");
        let projections = ["query", "key", "value"].map(|part| format!("{name}.attention.self.{part}"));
        Ok(Self {
            query_key_value: parts.int8_linear(&projections, parts.config().hidden_size)?,
            rest: AfterAttention::new(parts, &name)?,
            heads: parts.config().num_attention_heads,
        })
    }

    /// # Shapes
    /// - hidden, output: `[tokens, hidden]`
    pub(super) fn forward(&self, hidden: Tensor<2>, sequences: &Sequences, arithmetic: Arithmetic) -> Tensor<2> {
        let projected = self.query_key_value.forward(hidden.clone(), arithmetic);
        let context = attention(projected.clone(), projected, sequences, hidden.dims()[1], self.heads, arithmetic);
        self.rest.forward(context, hidden, arithmetic)
    }
}

impl LastLayer {
    pub(super) fn new(parts: &mut Parts<'_>, layer: usize) -> Result<Self> {
        let name = format!("bert.encoder.layer.{layer}");
        let projection = |part: &str| format!("{name}.attention.self.{part}");
        let hidden = parts.config().hidden_size;
        Ok(Self {
            query: parts.int8_linear(&[projection("query")], hidden)?,
            key_value: parts.int8_linear(&[projection("key"), projection("value")], hidden)?,
            rest: AfterAttention::new(parts, &name)?,
            heads: parts.config().num_attention_heads,
        })
    }

    /// # Shapes
    /// - hidden: `[tokens, hidden]`
    /// - output: `[sequences, hidden]`
    pub(super) fn forward(&self, hidden: Tensor<2>, sequences: &Sequences, arithmetic: Arithmetic) -> Tensor<2> {
        let offsets = sequences.offsets.clone();
        let first: Tensor<2> =
            Tensor::from_dispatch(Dispatch::first_rows(hidden.clone().into_dispatch(), offsets.into_dispatch()));
        let query = self.query.forward(first.clone(), arithmetic);
        let width = hidden.dims()[1];
        let context =
            attention(query, self.key_value.forward(hidden, arithmetic), sequences, width, self.heads, arithmetic);
        self.rest.forward(context, first, arithmetic)
    }
}

impl AfterAttention {
    fn new(parts: &mut Parts<'_>, name: &str) -> Result<Self> {
        let (hidden, intermediate) = (parts.config().hidden_size, parts.config().intermediate_size);
        Ok(Self {
            attention_output: parts.int8_linear(&[format!("{name}.attention.output.dense")], hidden)?,
            attention_norm: parts.add_norm(&format!("{name}.attention.output.LayerNorm"))?,
            intermediate: parts.int8_linear(&[format!("{name}.intermediate.dense")], hidden)?,
            output: parts.int8_linear(&[format!("{name}.output.dense")], intermediate)?,
            norm: parts.add_norm(&format!("{name}.output.LayerNorm"))?,
        })
    }

    /// # Shapes
    /// - context, hidden, output: `[rows, hidden]`
    fn forward(&self, context: Tensor<2>, hidden: Tensor<2>, arithmetic: Arithmetic) -> Tensor<2> {
        let hidden = self.attention_norm.forward(self.attention_output.forward(context, arithmetic), hidden);
        let inner = self.intermediate.forward_gelu(hidden.clone(), arithmetic);
        self.norm.forward(self.output.forward(inner, arithmetic), hidden)
    }
}

fn attention(
    queries: Tensor<2>,
    keys_values: Tensor<2>,
    sequences: &Sequences,
    hidden: usize,
    heads: usize,
    arithmetic: Arithmetic,
) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::packed_attention(
        queries.into_dispatch(),
        keys_values.into_dispatch(),
        sequences.offsets.clone().into_dispatch(),
        hidden,
        heads,
        sequences.longest,
        arithmetic,
    ))
}
