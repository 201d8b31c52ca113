//! The safetensors header. The `safetensors` crate parses it and refuses holes, overlaps, overflows and lengths that do
//! not fit shape and dtype; here it is compared with the table of tensors that the configuration asks for.

use std::collections::HashMap;

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use super::int4::{GROUP, has_int4_form, int4_shape};
use super::names::{Expected, IGNORED, Role, expected_tensors, scale_name};
use crate::config::ModelConfig;
use crate::error::{Error, Result, check_limit};
use crate::limits;

const PLACE: &str = "weights header";

/// A tensor of the file, in file order. `bytes` is its length.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub name: String,
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub bytes: usize,
}

/// Parses the header's JSON and checks it against `config`. The entries are in file order and lie end to end.
///
/// # Errors
/// `MODEL_INVALID` naming the tensor, or `LIMIT`.
pub(super) fn parse(json: &[u8], config: &ModelConfig) -> Result<Vec<Entry>> {
    let metadata: Metadata =
        serde_json::from_slice(json).map_err(|e| Error::model(PLACE, "is not a safetensors header").caused_by(e))?;
    let entries = in_file_order(&metadata)?;
    check_table(&entries, config)?;
    Ok(entries)
}

/// `Metadata` is valid by construction: offsets lie end to end from 0 and shape x dtype is the length, without overflow.
fn in_file_order(metadata: &Metadata) -> Result<Vec<Entry>> {
    let names = metadata.offset_keys();
    check_limit(PLACE, names.len(), limits::MAX_TENSORS, "tensors")?;
    check_limit("weights", metadata.data_len(), limits::MAX_WEIGHTS_BYTES, "bytes")?;
    let mut entries = Vec::with_capacity(names.len());
    for name in names {
        let info = metadata.info(&name).ok_or_else(|| Error::model(PLACE, "lists a tensor it does not describe"))?;
        let (start, stop) = info.data_offsets;
        entries.push(Entry { name, dtype: info.dtype, shape: info.shape.clone(), bytes: stop.saturating_sub(start) });
    }
    Ok(entries)
}

fn check_table(entries: &[Entry], config: &ModelConfig) -> Result<()> {
    let mut found: HashMap<&str, &Entry> = entries.iter().map(|entry| (entry.name.as_str(), entry)).collect();
    found.remove(IGNORED);
    for expected in expected_tensors(config) {
        let entry = found
            .remove(expected.name.as_str())
            .ok_or_else(|| Error::model(&expected.name, "tensor is missing; config.json and weights do not match"))?;
        if entry.dtype == Dtype::U8 {
            check_int4(entry, &expected)?;
            continue;
        }
        check_shape(entry, &expected.shape)?;
        let scale = found.remove(scale_name(&expected.name).as_str());
        check_dtype(entry, &expected, scale)?;
    }
    match found.into_keys().min() {
        Some(name) => Err(Error::model(name, "unexpected tensor; this is not the BERT cross-encoder of config.json")),
        None => Ok(()),
    }
}

fn check_shape(entry: &Entry, shape: &[usize]) -> Result<()> {
    if entry.shape == shape {
        return Ok(());
    }
    Err(Error::model(&entry.name, format!("shape {:?}; config.json asks for {shape:?}", entry.shape)))
}

/// A table of 4-bit blocks. Scales beside it would be unexpected tensors.
fn check_int4(entry: &Entry, expected: &Expected) -> Result<()> {
    match (expected.role, expected.shape.as_slice()) {
        (Role::Words, [rows, columns]) if has_int4_form(*columns) => check_shape(entry, &int4_shape(*rows, *columns)),
        (Role::Words, _) => {
            Err(Error::model(&entry.name, format!("is U8, but its rows are not groups of {GROUP} values")))
        }
        _ => Err(Error::model(&entry.name, "is U8; only the table of words may be, in 4-bit blocks")),
    }
}

fn check_dtype(entry: &Entry, expected: &Expected, scale: Option<&Entry>) -> Result<()> {
    let rows = expected.shape.first().copied().unwrap_or_default();
    match (entry.dtype, scale) {
        (Dtype::F32 | Dtype::F16 | Dtype::BF16, None) => Ok(()),
        (Dtype::F32 | Dtype::F16 | Dtype::BF16, Some(scale)) => {
            Err(Error::model(&scale.name, format!("scales of a tensor that is {:?}, not I8", entry.dtype)))
        }
        (Dtype::I8, _) if !expected.role.is_quantized() => {
            Err(Error::model(&entry.name, "is I8; only embeddings and linear weights may be"))
        }
        (Dtype::I8, None) => Err(Error::model(scale_name(&entry.name), "tensor is missing; I8 weights need it")),
        (Dtype::I8, Some(scale)) if scale.dtype != Dtype::F32 => {
            Err(Error::model(&scale.name, format!("dtype {:?}; scales are F32", scale.dtype)))
        }
        (Dtype::I8, Some(scale)) => check_shape(scale, &[rows]),
        (other, _) => {
            Err(Error::model(&entry.name, format!("dtype {other:?}; expected F32, F16, BF16, or I8 with scales")))
        }
    }
}
