//! Word, segment and position embeddings from int8 tables, and their LayerNorm.

use burn::backend::Dispatch;
use burn::module::{Module, Param};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};

use super::linear::{constant, vector};
use super::norm::AddNorm;
use crate::error::Result;
use crate::kernels::KernelOps;
use crate::model::PackedBatch;
use crate::model::parts::Parts;
use crate::weights::Int8Rows;

#[derive(Module, Debug)]
pub(super) struct Embeddings {
    words: Table,
    segments: Table,
    positions: Table,
    norm: AddNorm,
}

/// An int8 table with a scale a row.
#[derive(Module, Debug)]
struct Table {
    values: Param<Tensor<2, Int>>,
    scales: Param<Tensor<1>>,
}

impl Table {
    fn new(rows: Int8Rows, device: &Device) -> Self {
        let shape = [rows.scales.len(), rows.columns];
        Self {
            values: constant(Tensor::from_data(TensorData::new(rows.values, shape), (device, DType::I8))),
            scales: Param::from_tensor(vector(rows.scales, device)),
        }
    }
}

impl Embeddings {
    pub(super) fn new(parts: &mut Parts<'_>) -> Result<Self> {
        let device = parts.device();
        let mut table = |name: &str| Ok(Table::new(parts.int8_embedding(name)?, device));
        Ok(Self {
            words: table("bert.embeddings.word_embeddings")?,
            segments: table("bert.embeddings.token_type_embeddings")?,
            positions: table("bert.embeddings.position_embeddings")?,
            norm: parts.add_norm("bert.embeddings.LayerNorm")?,
        })
    }

    /// # Shapes
    /// - output: `[tokens, hidden]`
    pub(super) fn forward(&self, batch: &PackedBatch) -> Tensor<2> {
        let device = self.words.values.device();
        Tensor::from_dispatch(Dispatch::embed_norm(
            self.words.values.val().into_dispatch(),
            self.words.scales.val().into_dispatch(),
            self.segments.values.val().into_dispatch(),
            self.segments.scales.val().into_dispatch(),
            self.positions.values.val().into_dispatch(),
            self.positions.scales.val().into_dispatch(),
            batch.indices(&device).into_dispatch(),
            self.norm.gamma.val().into_dispatch(),
            self.norm.beta.val().into_dispatch(),
            self.norm.epsilon as f32,
        ))
    }
}
