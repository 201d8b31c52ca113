//! Little-endian f32, f16 and bf16 to f32.

use half::{bf16, f16};
use safetensors::Dtype;

use crate::error::{Error, Result};

/// Decodes a tensor of floats.
///
/// # Errors
/// `MODEL_INVALID`, naming the tensor, if the dtype is not a float this project reads.
pub(super) fn floats(name: &str, dtype: Dtype, bytes: &[u8]) -> Result<Vec<f32>> {
    match dtype {
        Dtype::F32 => Ok(words(bytes).map(f32::from_le_bytes).collect()),
        Dtype::F16 => Ok(words(bytes).map(|word| f16::from_le_bytes(word).to_f32()).collect()),
        Dtype::BF16 => Ok(words(bytes).map(|word| bf16::from_le_bytes(word).to_f32()).collect()),
        other => Err(Error::model(name, format!("dtype {other:?}; expected F32, F16, BF16, or I8 with scales"))),
    }
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks::<N>().0.iter().copied()
}
