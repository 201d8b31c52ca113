//! From bytes to named tensors: a safetensors stream is checked against the configuration before anything is
//! allocated, then decoded tensor by tensor as its bytes arrive.
//!
//! Accepted: Hugging Face files in f32, f16 or bf16, and this project's int8 form, where a table or matrix `NAME` of
//! i8 has a `NAME_scale` of f32 beside it, one scale a row. `docs/model-format.md` defines it.

mod decode;
mod header;
mod names;
mod stream;

pub use header::MAX_TENSORS;
pub use names::{Expected, Role, expected_tensors, scale_name};
pub use stream::WeightsStream;

use std::collections::HashMap;

use crate::error::{Code, Error, Result};

/// The complete tensors of a model, decoded to f32 in their Hugging Face layout.
#[derive(Debug, Default)]
pub struct Tensors(HashMap<String, Vec<f32>>);

impl Tensors {
    /// Takes the tensor `name` out.
    ///
    /// # Errors
    /// `INTERNAL` if it is not there (any more).
    pub fn take(&mut self, name: &str) -> Result<Vec<f32>> {
        self.0.remove(name).ok_or_else(|| Error::new(Code::Internal, name, "tensor taken twice or never loaded"))
    }

    fn insert(&mut self, name: String, values: Vec<f32>) {
        self.0.insert(name, values);
    }
}
