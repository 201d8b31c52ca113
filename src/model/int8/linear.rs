//! A linear layer with int8 weights, packed for the kernel.

use burn::backend::Dispatch;
use burn::module::{Module, Param, ParamId};
use burn::tensor::{Device, Int, Tensor};

use crate::kernels::{Arithmetic, KernelOps, PANEL, pack, padded_input};
use crate::model::upload;
use crate::weights::Int8Rows;

/// See `KernelOps::quantized_linear` for the shapes.
#[derive(Module, Debug)]
pub(in crate::model) struct Int8Linear {
    words: Param<Tensor<3, Int>>,
    scales: Param<Tensor<1>>,
    sums: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    output: usize,
}

impl Int8Linear {
    /// Packs `rows`, one an output channel.
    pub(in crate::model) fn new(rows: &Int8Rows, bias: &[f32], device: &Device) -> Self {
        let output = rows.scales.len();
        let packed = pack(rows, bias);
        let shape = [output.div_ceil(PANEL), padded_input(rows.columns) / 4, PANEL];
        Self {
            words: constant(upload::integers(packed.words, shape, device)),
            scales: Param::from_tensor(vector(packed.scales, device)),
            sums: Param::from_tensor(vector(packed.sums, device)),
            bias: Param::from_tensor(vector(packed.bias, device)),
            output,
        }
    }

    /// # Shapes
    /// - x: `[rows, input]`
    /// - output: `[rows, output]`
    pub(super) fn forward(&self, x: Tensor<2>, arithmetic: Arithmetic) -> Tensor<2> {
        self.run(x, false, arithmetic)
    }

    /// [`forward`](Self::forward), then GELU.
    pub(super) fn forward_gelu(&self, x: Tensor<2>, arithmetic: Arithmetic) -> Tensor<2> {
        self.run(x, true, arithmetic)
    }

    fn run(&self, x: Tensor<2>, gelu: bool, arithmetic: Arithmetic) -> Tensor<2> {
        Tensor::from_dispatch(Dispatch::quantized_linear(
            x.into_dispatch(),
            self.words.val().into_dispatch(),
            self.scales.val().into_dispatch(),
            self.sums.val().into_dispatch(),
            self.bias.val().into_dispatch(),
            self.output,
            gelu,
            arithmetic,
        ))
    }
}

/// A tensor of integers as a module's parameter.
pub(super) fn constant<const D: usize>(tensor: Tensor<D, Int>) -> Param<Tensor<D, Int>> {
    Param::initialized(ParamId::new(), tensor)
}

pub(super) fn vector(values: Vec<f32>, device: &Device) -> Tensor<1> {
    let shape = [values.len()];
    upload::floats(values, shape, device)
}
