//! Loads model folders and golden files of `tests/fixtures` and `model/`.

use std::fs;
use std::path::{Path, PathBuf};

use crossrank::{ModelConfig, PairEncoder, Precision, Reranker, WeightsStream, device};
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Golden {
    pub pairs: Vec<GoldenPair>,
}

#[derive(Deserialize)]
pub struct GoldenPair {
    pub name: String,
    pub query: String,
    pub document: String,
    pub max_length: usize,
    pub input_ids: Vec<u32>,
    pub token_type_ids: Vec<u8>,
    pub logit: f32,
    pub sigmoid: f32,
}

/// Logits of the tiny model with its weights rounded to another dtype; the pairs are those of `tiny`.
#[derive(Deserialize)]
pub struct Rounded {
    pub pairs: Vec<RoundedPair>,
}

#[derive(Deserialize)]
pub struct RoundedPair {
    pub name: String,
    pub logit: f32,
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub fn fixture(name: &str) -> PathBuf {
    root().join("tests/fixtures").join(name)
}

pub fn read(path: impl AsRef<Path>) -> Vec<u8> {
    let path = path.as_ref();
    fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

pub fn golden(name: &str) -> Golden {
    serde_json::from_slice(&read(fixture(name).join("golden.json"))).unwrap()
}

pub fn rounded(name: &str) -> Rounded {
    serde_json::from_slice(&read(fixture(name).join("golden.json"))).unwrap()
}

/// The tiny model in f32, the reference.
pub fn tiny() -> Reranker {
    tiny_with(&fixture("tiny/model.safetensors"), Precision::F32)
}

/// The tiny model with the weights of another file.
pub fn tiny_with(weights: &Path, precision: Precision) -> Reranker {
    let config = ModelConfig::from_json(&read(fixture("tiny/config.json"))).unwrap();
    let encoder = PairEncoder::from_json(&read(fixture("tiny/tokenizer.json")), config.vocab_size).unwrap();
    let mut stream = WeightsStream::new(&config, precision);
    // An odd chunk size, so that every kind of piece is cut somewhere.
    for chunk in read(weights).chunks(4099) {
        stream.push(chunk).unwrap();
    }
    Reranker::new(config, encoder, stream.finish().unwrap(), &device::cpu()).unwrap()
}

/// A safetensors file of f32 with one tensor changed.
pub fn with_tensor(file: &[u8], name: &str, change: impl Fn(&mut Vec<f32>)) -> Vec<u8> {
    let tensors = safetensors::SafeTensors::deserialize(file).unwrap();
    let tensor = tensors.tensor(name).unwrap();
    let mut values: Vec<f32> = tensor.data().as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect();
    change(&mut values);
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let start = tensor.data().as_ptr() as usize - file.as_ptr() as usize;
    let mut changed = file.to_vec();
    changed[start..start + bytes.len()].copy_from_slice(&bytes);
    changed
}
