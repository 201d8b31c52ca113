//! Turns named host tensors into burn's layers: the one place that knows Hugging Face names and burn's layouts.

use burn::module::Param;
use burn::nn::Linear;
#[cfg(feature = "cpu")]
use burn::nn::{Embedding, LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Tensor};

use super::int8::{AddNorm, Int8Linear};
use super::upload;
use crate::config::ModelConfig;
use crate::error::Result;
use crate::weights::{Int8Rows, TableRows, Tensors};

/// Takes tensors out of a [`Tensors`] by name and makes layers of them on `device`.
pub(super) struct Parts<'a> {
    config: &'a ModelConfig,
    tensors: &'a mut Tensors,
    device: &'a Device,
}

impl<'a> Parts<'a> {
    pub(super) const fn new(config: &'a ModelConfig, tensors: &'a mut Tensors, device: &'a Device) -> Self {
        Self { config, tensors, device }
    }

    /// A `torch.nn.Linear`. Its weight is `[output, input]`; burn's is `[input, output]`.
    pub(super) fn linear(&mut self, name: &str, [input, output]: [usize; 2]) -> Result<Linear> {
        let weight = self.take(&format!("{name}.weight"))?;
        let weight = self.tensor(transpose(&weight, output, input), [input, output]);
        let bias = self.vector(&format!("{name}.bias"), output)?;
        Ok(Linear { weight: Param::from_tensor(weight), bias: Some(bias) })
    }

    /// A `torch.nn.Embedding` of `rows` rows of `hidden_size`.
    #[cfg(feature = "cpu")]
    pub(super) fn embedding(&mut self, name: &str, rows: usize) -> Result<Embedding> {
        let weight = self.take(&format!("{name}.weight"))?;
        let weight = self.tensor(weight, [rows, self.config.hidden_size]);
        Ok(Embedding { weight: Param::from_tensor(weight) })
    }

    /// A `torch.nn.LayerNorm` over `hidden_size`, with the configuration's epsilon (burn's default is 1e-5).
    #[cfg(feature = "cpu")]
    pub(super) fn layer_norm(&mut self, name: &str) -> Result<LayerNorm> {
        let width = self.config.hidden_size;
        let mut norm = LayerNormConfig::new(width).with_epsilon(self.config.layer_norm_eps).init(self.device);
        norm.gamma = self.vector(&format!("{name}.weight"), width)?;
        norm.beta = Some(self.vector(&format!("{name}.bias"), width)?);
        Ok(norm)
    }

    /// One int8 layer of the output channels of several `torch.nn.Linear`, one after the other.
    pub(super) fn int8_linear(&mut self, names: &[String], input: usize) -> Result<Int8Linear> {
        let mut rows = Int8Rows { columns: input, ..Int8Rows::default() };
        let mut bias = Vec::new();
        for name in names {
            let part = self.tensors.take_int8(&format!("{name}.weight"), input)?;
            // Most layers are one part, and the others' are of one size: no copy, and no room for more.
            if rows.values.is_empty() {
                rows = part;
                rows.values.reserve_exact(rows.values.len() * (names.len() - 1));
            } else {
                rows.values.extend(part.values);
                rows.scales.extend(part.scales);
            }
            bias.extend(self.take(&format!("{name}.bias"))?);
        }
        Ok(Int8Linear::new(&rows, &bias, self.device))
    }

    /// The rows of a `torch.nn.Embedding`, in the form they are kept in.
    pub(super) fn table(&mut self, name: &str) -> Result<TableRows> {
        self.tensors.take_table(&format!("{name}.weight"), self.config.hidden_size)
    }

    /// The rows of a small `torch.nn.Embedding`.
    pub(super) fn int8_embedding(&mut self, name: &str) -> Result<Int8Rows> {
        self.tensors.take_int8(&format!("{name}.weight"), self.config.hidden_size)
    }

    /// A `torch.nn.LayerNorm` over `hidden_size` that adds a residual first.
    pub(super) fn add_norm(&mut self, name: &str) -> Result<AddNorm> {
        let width = self.config.hidden_size;
        Ok(AddNorm {
            gamma: self.vector(&format!("{name}.weight"), width)?,
            beta: self.vector(&format!("{name}.bias"), width)?,
            epsilon: self.config.layer_norm_eps,
        })
    }

    pub(super) const fn config(&self) -> &'a ModelConfig {
        self.config
    }

    pub(super) const fn device(&self) -> &'a Device {
        self.device
    }

    fn vector(&mut self, name: &str, width: usize) -> Result<Param<Tensor<1>>> {
        let values = self.take(name)?;
        Ok(Param::from_tensor(self.tensor(values, [width])))
    }

    fn take(&mut self, name: &str) -> Result<Vec<f32>> {
        self.tensors.take_f32(name)
    }

    fn tensor<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        upload::floats(values, shape, self.device)
    }
}

/// `[rows, columns]` row by row -> `[columns, rows]` row by row.
fn transpose(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(rows * columns);
    for column in 0..columns {
        out.extend(values.iter().skip(column).step_by(columns));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::transpose;

    #[test]
    fn transposes() {
        assert_eq!(transpose(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 3), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }
}
