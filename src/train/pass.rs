//! The forward pass of training: dropout where BERT has it, and the operations of `ops`.

use std::cell::Cell;

use burn::backend::Dispatch;
use burn::nn::LayerNorm;
use burn::tensor::{Tensor, TensorData};

use super::ops::{Mask, Sequences, TrainOps, mixed};
use crate::model::{PackedBatch, Pass};

/// One pass with a seed of its own. Places of dropout are told apart by their order in the pass.
pub(super) struct Training {
    rate: f32,
    seed: u64,
    epsilon: f64,
    places: Cell<u64>,
}

impl Training {
    /// Dropout of `rate` after the embeddings, on attention weights, on both outputs of every layer and before the
    /// classifier. `epsilon` is LayerNorm's.
    pub(super) const fn new(rate: f32, seed: u64, epsilon: f64) -> Self {
        Self { rate, seed, epsilon, places: Cell::new(0) }
    }

    fn mask(&self) -> Mask {
        self.places.set(self.places.get() + 1);
        Mask::new(self.rate, mixed(self.seed ^ mixed(self.places.get())))
    }
}

impl Pass for Training {
    fn dropout(&self, x: Tensor<2>) -> Tensor<2> {
        let mask = self.mask();
        if mask.is_off() {
            return x;
        }
        let [rows, width] = x.dims();
        let mut factors = vec![1.0; rows * width];
        factors.chunks_exact_mut(width).zip(0..).for_each(|(row, number)| mask.apply(number, row));
        let factors = Tensor::from_data(TensorData::new(factors, [rows, width]), &x.device());
        x * factors
    }

    fn add_norm(&self, x: Tensor<2>, residual: Tensor<2>, norm: &LayerNorm) -> Tensor<2> {
        let Some(beta) = &norm.beta else { return norm.forward(x + residual) };
        Tensor::from_dispatch(Dispatch::train_add_norm(
            x.into_dispatch(),
            residual.into_dispatch(),
            norm.gamma.val().into_dispatch(),
            beta.val().into_dispatch(),
            self.epsilon,
            self.mask(),
        ))
    }

    fn gelu(&self, x: Tensor<2>) -> Tensor<2> {
        Tensor::from_dispatch(Dispatch::train_gelu(x.into_dispatch()))
    }

    fn attention(&self, query_key_value: [Tensor<2>; 3], batch: &PackedBatch, heads: usize) -> Tensor<2> {
        let sequences = Sequences { ranges: batch.ranges().collect(), heads };
        let [query, key, value] = query_key_value.map(Tensor::into_dispatch);
        Tensor::from_dispatch(Dispatch::train_attention(query, key, value, sequences, self.mask()))
    }
}
