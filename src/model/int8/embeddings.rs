//! Word, segment and position embeddings from quantised tables, and their LayerNorm.

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
use crate::weights::{Int8Rows, TableRows, WordsForm};

#[derive(Module, Debug)]
pub(super) struct Embeddings {
    #[module(skip)]
    form: WordsForm,
    words: Param<Tensor<2, Int>>,
    segments: Param<Tensor<2, Int>>,
    positions: Param<Tensor<2, Int>>,
    /// A scale a row of each int8 table: words, segments, positions.
    scales: Param<Tensor<1>>,
    norm: AddNorm,
}

impl Embeddings {
    pub(super) fn new(parts: &mut Parts<'_>) -> Result<Self> {
        let device = parts.device();
        let mut scales = Vec::new();
        let mut int8 = |rows: Int8Rows| {
            let shape = [rows.scales.len(), rows.columns];
            scales.extend(rows.scales);
            constant(upload::integers(rows.values, shape, device))
        };
        let (form, words) = match parts.table("bert.embeddings.word_embeddings")? {
            TableRows::Int8(rows) => (WordsForm::Int8, int8(rows)),
            TableRows::Int4(rows) => {
                let form = WordsForm::Int4;
                let bytes = form.row_bytes(rows.columns);
                let shape = [rows.blocks.len() / bytes, bytes];
                let blocks = bytemuck::allocation::cast_vec::<u8, i8>(rows.blocks);
                (form, constant(upload::integers(blocks, shape, device)))
            }
        };
        let mut small = |name: &str| Ok(int8(parts.int8_embedding(&format!("bert.embeddings.{name}_embeddings"))?));
        let [segments, positions] = [small("token_type")?, small("position")?];
        Ok(Self {
            form,
            words,
            segments,
            positions,
            scales: Param::from_tensor(vector(scales, device)),
            norm: parts.add_norm("bert.embeddings.LayerNorm")?,
        })
    }

    pub(super) fn int4_words(&self) -> bool {
        self.form == WordsForm::Int4
    }

    pub(super) fn device(&self) -> Device {
        self.scales.device()
    }

    /// # Shapes
    /// - output: `[tokens, hidden]`
    pub(super) fn forward(&self, batch: &PackedBatch) -> Tensor<2> {
        Tensor::from_dispatch(Dispatch::embed_norm(
            self.form,
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
