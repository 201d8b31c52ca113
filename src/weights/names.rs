//! The tensors a BERT cross-encoder has, by their Hugging Face names, with their shapes.
//!
//! Names: `BertForSequenceClassification.state_dict()` of transformers,
//! <https://github.com/huggingface/transformers/blob/main/src/transformers/models/bert/modeling_bert.py>

use crate::config::ModelConfig;

/// What a tensor is for; decides in what form `quantize` stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The table of words, in many models half of all bytes: int8 per row, or 4-bit in groups.
    Words,
    /// A small lookup table: int8 per row.
    Embedding,
    /// A matrix of a linear layer, `[output, input]`: int8 per output channel.
    Linear,
    /// The classifier's single row. Kept in f32: it is 1.5 kB, and its error would be the logit's error.
    Classifier,
    /// Biases and LayerNorm.
    Vector,
}

impl Role {
    /// Whether the int8 form stores it as i8 with scales, or in fewer bits.
    #[must_use]
    pub const fn is_quantized(self) -> bool {
        matches!(self, Self::Words | Self::Embedding | Self::Linear)
    }
}

/// One tensor of the expected table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Hugging Face name.
    pub name: String,
    /// Row-major shape.
    pub shape: Vec<usize>,
    /// What it is for.
    pub role: Role,
}

/// A buffer of older checkpoints that holds 0, 1, 2, ...; read by nobody.
pub(super) const IGNORED: &str = "bert.embeddings.position_ids";

/// The name of the scales of an int8 tensor.
#[must_use]
pub fn scale_name(name: &str) -> String {
    format!("{name}_scale")
}

/// All tensors of a model of this shape.
#[must_use]
pub fn expected_tensors(config: &ModelConfig) -> Vec<Expected> {
    let (hidden, intermediate) = (config.hidden_size, config.intermediate_size);
    let mut table = Table::default();

    table.add("bert.embeddings.word_embeddings.weight", &[config.vocab_size, hidden], Role::Words);
    table.add("bert.embeddings.position_embeddings.weight", &[config.max_position_embeddings, hidden], Role::Embedding);
    table.add("bert.embeddings.token_type_embeddings.weight", &[config.type_vocab_size, hidden], Role::Embedding);
    table.norm("bert.embeddings.LayerNorm", hidden);
    for layer in 0..config.num_hidden_layers {
        let name = format!("bert.encoder.layer.{layer}");
        for part in ["self.query", "self.key", "self.value", "output.dense"] {
            table.linear(&format!("{name}.attention.{part}"), hidden, hidden);
        }
        table.norm(&format!("{name}.attention.output.LayerNorm"), hidden);
        table.linear(&format!("{name}.intermediate.dense"), intermediate, hidden);
        table.linear(&format!("{name}.output.dense"), hidden, intermediate);
        table.norm(&format!("{name}.output.LayerNorm"), hidden);
    }
    table.linear("bert.pooler.dense", hidden, hidden);
    table.add("classifier.weight", &[1, hidden], Role::Classifier);
    table.add("classifier.bias", &[1], Role::Vector);
    table.0
}

#[derive(Default)]
struct Table(Vec<Expected>);

impl Table {
    fn add(&mut self, name: &str, shape: &[usize], role: Role) {
        self.0.push(Expected { name: name.to_owned(), shape: shape.to_vec(), role });
    }

    fn linear(&mut self, name: &str, output: usize, input: usize) {
        self.add(&format!("{name}.weight"), &[output, input], Role::Linear);
        self.add(&format!("{name}.bias"), &[output], Role::Vector);
    }

    fn norm(&mut self, name: &str, width: usize) {
        self.add(&format!("{name}.weight"), &[width], Role::Vector);
        self.add(&format!("{name}.bias"), &[width], Role::Vector);
    }
}
