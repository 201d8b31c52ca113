//! What a forward pass of the f32 encoder does at the places where training differs from inference.

use burn::nn::LayerNorm;
use burn::tensor::Tensor;
use burn::tensor::activation::gelu;
use burn::tensor::module::attention;

use crate::model::PackedBatch;

/// The operations that a pass chooses. The defaults are inference; training overrides them with dropout and with
/// operations that have a backward pass of their own.
pub(crate) trait Pass {
    /// After the embeddings and after the pooler: `[rows, hidden]` to the same.
    fn dropout(&self, x: Tensor<2>) -> Tensor<2> {
        x
    }

    /// `LayerNorm(x + residual)`, each `[tokens, hidden]`.
    fn add_norm(&self, x: Tensor<2>, residual: Tensor<2>, norm: &LayerNorm) -> Tensor<2> {
        norm.forward(x + residual)
    }

    /// The exact GELU, with erf, as BERT's.
    fn gelu(&self, x: Tensor<2>) -> Tensor<2> {
        gelu(x)
    }

    /// Self-attention of each sequence of the batch: query, key, value and output are `[tokens, hidden]`.
    fn attention(&self, query_key_value: [Tensor<2>; 3], batch: &PackedBatch, heads: usize) -> Tensor<2> {
        let context = batch
            .ranges()
            .map(|range| {
                let [query, key, value] =
                    query_key_value.each_ref().map(|x| heads_of(x.clone().slice([range.clone()]), heads));
                joined(attention(query, key, value, None, None, Default::default()))
            })
            .collect();
        Tensor::cat(context, 0)
    }
}

/// A pass without dropout.
pub(crate) struct Inference;

impl Pass for Inference {}

/// `[length, hidden]` -> `[1, heads, length, head]`
fn heads_of(sequence: Tensor<2>, heads: usize) -> Tensor<4> {
    let [length, hidden] = sequence.dims();
    sequence.reshape([1, length, heads, hidden / heads]).swap_dims(1, 2)
}

/// `[1, heads, length, head]` -> `[length, hidden]`
fn joined(context: Tensor<4>) -> Tensor<2> {
    let [_, heads, length, head] = context.dims();
    context.swap_dims(1, 2).reshape([length, heads * head])
}
