//! Word + position + segment embeddings and their LayerNorm.

use burn::module::Module;
use burn::nn::{Embedding, LayerNorm};
use burn::tensor::{Int, Tensor};

use crate::error::Result;
use crate::model::PackedBatch;
use crate::model::parts::Parts;

#[derive(Module, Debug)]
pub(super) struct Embeddings {
    word_embeddings: Embedding,
    position_embeddings: Embedding,
    token_type_embeddings: Embedding,
    layer_norm: LayerNorm,
}

impl Embeddings {
    pub(super) fn new(parts: &mut Parts<'_>) -> Result<Self> {
        let config = parts.config();
        Ok(Self {
            word_embeddings: parts.embedding("bert.embeddings.word_embeddings", config.vocab_size)?,
            position_embeddings: parts
                .embedding("bert.embeddings.position_embeddings", config.max_position_embeddings)?,
            token_type_embeddings: parts.embedding("bert.embeddings.token_type_embeddings", config.type_vocab_size)?,
            layer_norm: parts.layer_norm("bert.embeddings.LayerNorm")?,
        })
    }

    /// # Shapes
    /// - output: `[tokens, hidden]`
    pub(super) fn forward(&self, batch: &PackedBatch) -> Tensor<2> {
        let [ids, positions, segments] = batch.inputs(&self.word_embeddings.weight.device());
        let rows = |table: &Embedding, indices: Tensor<1, Int>| table.weight.val().select(0, indices);
        let sum = rows(&self.word_embeddings, ids)
            + rows(&self.token_type_embeddings, segments)
            + rows(&self.position_embeddings, positions);
        self.layer_norm.forward(sum)
    }
}
