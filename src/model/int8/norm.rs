//! LayerNorm of a sum, as one kernel.

use burn::backend::Dispatch;
use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::kernels::KernelOps;

/// Gain, bias and epsilon of a LayerNorm over `hidden`.
#[derive(Module, Debug)]
pub(in crate::model) struct AddNorm {
    pub(in crate::model) gamma: Param<Tensor<1>>,
    pub(in crate::model) beta: Param<Tensor<1>>,
    pub(in crate::model) epsilon: f64,
}

impl AddNorm {
    /// `LayerNorm(x + residual)`
    ///
    /// # Shapes
    /// - x, residual, output: `[rows, hidden]`
    pub(super) fn forward(&self, x: Tensor<2>, residual: Tensor<2>) -> Tensor<2> {
        Tensor::from_dispatch(Dispatch::add_norm(
            x.into_dispatch(),
            residual.into_dispatch(),
            self.gamma.val().into_dispatch(),
            self.beta.val().into_dispatch(),
            self.epsilon as f32,
        ))
    }
}
