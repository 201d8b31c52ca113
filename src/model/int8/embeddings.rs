//! Word, segment and position embeddings from int8 tables, and their LayerNorm.

use burn::backend::Dispatch;
use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor};

use super::linear::{constant, vector};
use super::norm::AddNorm;
use crate::error::Result;
use crate::kernels::KernelOps;
use crate::model::PackedBatch;
use crate::model::parts::Parts;
use crate::model::upload;

#[derive(Module, Debug)]
pub(super) struct Embeddings {
    words: Param<Tensor<2, Int>>,
    segments: Param<Tensor<2, Int>>,
    positions: Param<Tensor<2, Int>>,
    /// A scale a row: words, segments, positions.
    scales: Param<Tensor<1>>,
    norm: AddNorm,
}

impl Embeddings {
    pub(super) fn new(parts: &mut Parts<'_>) -> Result<Self> {
        let device = parts.device();
        let mut scales = Vec::new();
        let mut table = |name: &str| {
            let rows = parts.int8_embedding(&format!("bert.embeddings.{name}_embeddings"))?;
            let shape = [rows.scales.len(), rows.columns];
            scales.extend(rows.scales);
            Ok(constant(upload::integers(rows.values, shape, device)))
        };
        let [words, segments, positions] = [table("word")?, table("token_type")?, table("position")?];
        Ok(Self {
            words,
            segments,
            positions,
            scales: Param::from_tensor(vector(scales, device)),
            norm: parts.add_norm("bert.embeddings.LayerNorm")?,
        })
    }

    pub(super) fn device(&self) -> Device {
        self.scales.device()
    }

    /// # Shapes
    /// - output: `[tokens, hidden]`
    pub(super) fn forward(&self, batch: &PackedBatch) -> Tensor<2> {
        Tensor::from_dispatch(Dispatch::embed_norm(
            self.words.val().into_dispatch(),
            self.segments.val().into_dispatch(),
            self.positions.val().into_dispatch(),
            self.scales.val().into_dispatch(),
            batch.indices(&self.device()).into_dispatch(),
            self.norm.gamma.val().into_dispatch(),
            self.norm.beta.val().into_dispatch(),
            self.norm.epsilon as f32,
            batch.stamp(),
        ))
    }
}
