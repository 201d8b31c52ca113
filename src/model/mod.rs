//! The cross-encoder as a burn module: an encoder in one of two precisions, and the head.
//!
//! Tokens of all pairs of a batch are packed into one `[tokens, hidden]` tensor without padding; only attention looks
//! at where one sequence ends and the next begins. So a score does not depend on what else is in the batch.
//! Field names are those of transformers' `BertForSequenceClassification`, which is the reference:
//! <https://github.com/huggingface/transformers/blob/main/src/transformers/models/bert/modeling_bert.py>

mod batch;
#[cfg(feature = "cpu")]
mod f32;
mod head;
mod int8;
mod parts;
mod upload;

pub use batch::PackedBatch;
#[cfg(feature = "cpu")]
pub(crate) use f32::Pass;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::config::ModelConfig;
use crate::error::Result;
use crate::kernels::Arithmetic;
use crate::weights::{Precision, Tensors};

#[cfg(feature = "cpu")]
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
    #[cfg(feature = "cpu")]
    F32(F32Encoder),
    Int8(Int8Encoder),
}

impl CrossEncoder {
    /// Builds the module from `tensors`, in their precision; they are moved to `device` one by one.
    ///
    /// # Errors
    /// `INTERNAL` if a tensor of the expected table is not there; [`Tensors`] are complete by construction. `OPTION` for f32
    /// weights on a GPU.
    pub fn new(config: &ModelConfig, mut tensors: Tensors, device: &Device) -> Result<Self> {
        let precision = tensors.precision();
        let mut parts = Parts::new(config, &mut tensors, device);
        let encoder = match precision {
            #[cfg(feature = "cpu")]
            Precision::F32 => Encoder::F32(F32Encoder::new(&mut parts)?),
            #[cfg(not(feature = "cpu"))]
            Precision::F32 => {
                let message = "f32 weights are computed on the CPU only; a GPU takes int8 weights and computes in f32";
                return Err(crate::Error::new(crate::Code::Option, "precision", message));
            }
            Precision::Int8 => Encoder::Int8(Int8Encoder::new(&mut parts)?),
        };
        Ok(Self { encoder, head: Head::new(&mut parts)? })
    }

    /// Whether the table of words is in 4 bits.
    #[must_use]
    pub fn int4_words(&self) -> bool {
        match &self.encoder {
            #[cfg(feature = "cpu")]
            Encoder::F32(_) => false,
            Encoder::Int8(encoder) => encoder.int4_words(),
        }
    }

    /// The logit of every sequence of the batch.
    ///
    /// # Shapes
    /// - batch: `tokens` packed tokens of `sequences` sequences
    /// - output: `[sequences]`; on a GPU one more, the last kernel's stamp
    #[must_use]
    pub fn forward(&self, batch: &PackedBatch) -> Tensor<1> {
        self.run(batch, Arithmetic::Quantized)
    }

    /// [`forward`](Self::forward) with activations in f32 whatever the precision of the weights: what a GPU computes. Slow on
    /// a CPU.
    #[must_use]
    pub fn forward_f32(&self, batch: &PackedBatch) -> Tensor<1> {
        self.run(batch, Arithmetic::F32)
    }

    /// [`forward`](Self::forward) with the operations of `pass`. int8 encoders have their own, and know only inference.
    #[cfg(feature = "cli")]
    pub(crate) fn forward_as(&self, batch: &PackedBatch, pass: &impl Pass) -> Tensor<1> {
        self.run_as(batch, Arithmetic::Quantized, pass)
    }

    #[cfg(feature = "cpu")]
    fn run(&self, batch: &PackedBatch, arithmetic: Arithmetic) -> Tensor<1> {
        self.run_as(batch, arithmetic, &Inference)
    }

    #[cfg(feature = "cpu")]
    fn run_as(&self, batch: &PackedBatch, arithmetic: Arithmetic, pass: &impl Pass) -> Tensor<1> {
        let first = match &self.encoder {
            Encoder::F32(encoder) => encoder.forward(batch, pass),
            Encoder::Int8(encoder) => encoder.forward(batch, arithmetic),
        };
        self.head.forward(first, pass)
    }

    #[cfg(feature = "webgpu")]
    fn run(&self, batch: &PackedBatch, arithmetic: Arithmetic) -> Tensor<1> {
        let Encoder::Int8(encoder) = &self.encoder;
        self.head.forward(encoder.forward(batch, arithmetic))
    }

    /// The last stamp of a batch whose first is `first`.
    #[cfg(feature = "webgpu")]
    pub(crate) fn stamp_after(&self, first: u32) -> u32 {
        let Encoder::Int8(encoder) = &self.encoder;
        crate::kernels::gpu::stamp::next(encoder.stamp_after(first))
    }
}
