//! The cross-encoder as a burn module: an encoder in one of two precisions, and the head.
//!
//! Tokens of all pairs of a batch are packed into one `[tokens, hidden]` tensor without padding; only attention looks
//! at where one sequence ends and the next begins. So a score does not depend on what else is in the batch.
//! Field names are those of transformers' `BertForSequenceClassification`, which is the reference:
//! <https://github.com/huggingface/transformers/blob/main/src/transformers/models/bert/modeling_bert.py>

mod batch;
mod f32;
mod head;
mod int8;
mod parts;

pub use batch::PackedBatch;
pub(crate) use f32::Pass;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::config::ModelConfig;
use crate::error::Result;
use crate::weights::{Precision, Tensors};

use f32::{F32Encoder, Inference};
use head::Head;
use int8::Int8Encoder;
use parts::Parts;

/// A BERT encoder with a pooler and a one-label classifier.
#[derive(Module, Debug)]
pub struct CrossEncoder {
    encoder: Encoder,
    head: Head,
}

/// The encoder of a precision. One value a model, so the variants' sizes do not matter.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)]
enum Encoder {
    F32(F32Encoder),
    Int8(Int8Encoder),
}

impl CrossEncoder {
    /// Builds the module from `tensors`, in their precision; they are moved to `device` one by one.
    ///
    /// # Errors
    /// `INTERNAL` if a tensor of the expected table is not there; [`Tensors`] are complete by construction.
    pub fn new(config: &ModelConfig, mut tensors: Tensors, device: &Device) -> Result<Self> {
        let precision = tensors.precision();
        let mut parts = Parts::new(config, &mut tensors, device);
        let encoder = match precision {
            Precision::F32 => Encoder::F32(F32Encoder::new(&mut parts)?),
            Precision::Int8 => Encoder::Int8(Int8Encoder::new(&mut parts)?),
        };
        Ok(Self { encoder, head: Head::new(&mut parts)? })
    }

    /// The logit of every sequence of the batch.
    ///
    /// # Shapes
    /// - batch: `tokens` packed tokens of `sequences` sequences
    /// - output: `[sequences]`
    #[must_use]
    pub fn forward(&self, batch: &PackedBatch) -> Tensor<1> {
        self.forward_as(batch, &Inference)
    }

    /// [`forward`](Self::forward) with the operations of `pass`. int8 encoders have their own, and know only inference.
    pub(crate) fn forward_as(&self, batch: &PackedBatch, pass: &impl Pass) -> Tensor<1> {
        let first = match &self.encoder {
            Encoder::F32(encoder) => encoder.forward(batch, pass),
            Encoder::Int8(encoder) => encoder.forward(batch),
        };
        self.head.forward(first, pass)
    }
}
