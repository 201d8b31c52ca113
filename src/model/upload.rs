//! Host values to tensors of their own type, as they are.
//!
//! `Tensor::from_data` gives the same through a conversion among all types. Compiled, that is one function of 130 kB, and a
//! browser that sees it called for every tensor of a model spends a quarter of a second on optimising it.

use burn::backend::Dispatch;
use burn::backend::ops::{FloatTensorOps, IntTensorOps};
use burn::tensor::{Device, Element, Int, Tensor, TensorData};

/// Floats of `shape`.
pub(super) fn floats<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::float_from_data(TensorData::new(values, shape), device.as_dispatch()))
}

/// Integers of `shape`, in the width that they have.
pub(super) fn integers<E: Element, const D: usize>(
    values: Vec<E>,
    shape: [usize; D],
    device: &Device,
) -> Tensor<D, Int> {
    Tensor::from_dispatch(Dispatch::int_from_data(TensorData::new(values, shape), device.as_dispatch()))
}
