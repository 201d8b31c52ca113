//! The module's parameters in the order of `weights::expected_tensors`, which is the order of its fields: by number for the
//! optimiser, by Hugging Face name and layout for files.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor, TensorData};

use crate::config::ModelConfig;
use crate::error::{Code, Error, Result};
use crate::model::CrossEncoder;
use crate::weights::{Expected, Role, expected_tensors};

/// A tensor in its Hugging Face layout.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Hugging Face name.
    pub name: String,
    /// Row-major shape.
    pub shape: Vec<usize>,
    /// Row by row.
    pub values: Vec<f32>,
}

/// The table that parameters are counted along.
#[derive(Clone, Debug)]
pub(super) struct Parameters {
    table: Vec<Expected>,
}

impl Parameters {
    pub(super) fn new(config: &ModelConfig) -> Self {
        Self { table: expected_tensors(config) }
    }

    pub(super) const fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn name(&self, index: usize) -> &str {
        self.table.get(index).map_or("", |expected| expected.name.as_str())
    }

    pub(super) fn size(&self, index: usize) -> usize {
        self.table.get(index).map_or(0, |expected| expected.shape.iter().product())
    }

    /// Whether it is one of the embedding tables or their LayerNorm.
    pub(super) fn is_embedding(&self, index: usize) -> bool {
        self.name(index).starts_with("bert.embeddings.")
    }

    /// All parameters as files hold them.
    pub(super) fn named(&self, model: &CrossEncoder) -> Result<Vec<NamedTensor>> {
        let mut reader = Reader::default();
        model.visit(&mut reader);
        self.in_file_layout(reader.values)
    }

    /// Puts `values`, one list a parameter in the module's own layout, into file layout.
    pub(super) fn in_file_layout(&self, values: Vec<Vec<f32>>) -> Result<Vec<NamedTensor>> {
        if values.len() != self.len() {
            let message = format!("{} parameters where {} were expected", values.len(), self.len());
            return Err(Error::new(Code::Internal, "parameters", message));
        }
        let tensors = self.table.iter().zip(values).map(|(expected, values)| {
            let Expected { name, shape, role } = expected.clone();
            if values.len() != shape.iter().product::<usize>() {
                return Err(Error::new(Code::Internal, name, "parameter of an unexpected size"));
            }
            let values = match (role, shape.as_slice()) {
                // burn keeps a linear layer's matrix as [input, output].
                (Role::Linear | Role::Classifier, [output, input]) => transposed(&values, *input, *output),
                _ => values,
            };
            Ok(NamedTensor { name, shape, values })
        });
        tensors.collect()
    }
}

/// `[rows, columns]` row by row -> `[columns, rows]` row by row.
fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(rows * columns);
    for column in 0..columns {
        out.extend(values.iter().skip(column).step_by(columns));
    }
    out
}

/// Copies all parameters to the host.
#[derive(Default)]
struct Reader {
    values: Vec<Vec<f32>>,
}

impl ModuleVisitor for Reader {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.values.push(host(param.val().inner()));
    }
}

/// Takes each parameter's gradient out of `gradients`; none for parameters that need none.
pub(super) fn take_gradients(model: &CrossEncoder, gradients: Gradients) -> Vec<Option<Vec<f32>>> {
    struct Taker {
        gradients: Gradients,
        taken: Vec<Option<Vec<f32>>>,
    }
    impl ModuleVisitor for Taker {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let value = param.val();
            let taken = if value.is_require_grad() { value.grad_remove(&mut self.gradients) } else { None };
            self.taken.push(taken.map(host));
        }
    }
    let mut taker = Taker { gradients, taken: Vec::new() };
    model.visit(&mut taker);
    taker.taken
}

/// Gives each parameter's values to `change` with the parameter's number, and puts them back.
pub(super) fn changed(model: CrossEncoder, change: impl FnMut(usize, &mut [f32])) -> CrossEncoder {
    struct Changer<F> {
        change: F,
        index: usize,
    }
    impl<F: FnMut(usize, &mut [f32])> ModuleMapper for Changer<F> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let index = self.index;
            self.index += 1;
            if !param.val().is_require_grad() {
                return param;
            }
            param.map(|tensor| {
                let (shape, device) = (tensor.dims(), tensor.device());
                let mut values = host(tensor.inner());
                (self.change)(index, &mut values);
                Tensor::from_data(TensorData::new(values, shape), &device).require_grad()
            })
        }
    }
    model.map(&mut Changer { change, index: 0 })
}

/// Stops gradients of the parameters for which `is_frozen` holds.
pub(super) fn frozen(model: CrossEncoder, is_frozen: impl Fn(usize) -> bool) -> CrossEncoder {
    struct Freezer<F> {
        is_frozen: F,
        index: usize,
    }
    impl<F: Fn(usize) -> bool> ModuleMapper for Freezer<F> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let index = self.index;
            self.index += 1;
            if (self.is_frozen)(index) { param.set_require_grad(false) } else { param }
        }
    }
    model.map(&mut Freezer { is_frozen, index: 0 })
}

/// A tensor's values; empty if the device cannot be read, which the length checks turn into an error.
fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec_as::<f32>().unwrap_or_default()
}
