//! Loads a model folder from disk: the project's form if it has a `manifest.json`, else a Hugging Face folder.

use std::path::Path;

use super::files;
use super::manifest::Manifest;
use crate::config::ModelConfig;
use crate::device;
use crate::error::Result;
use crate::limits;
use crate::rank::Reranker;
use crate::tokenize::PairEncoder;
use crate::weights::{Precision, WeightsStream};

/// The checked parts of a folder, before they are put on a device.
pub(super) struct Folder {
    pub config_json: Vec<u8>,
    pub tokenizer_json: Vec<u8>,
    pub config: ModelConfig,
    pub weights: WeightsStream,
}

/// Loads the model in `folder` onto the CPU, in `precision`.
///
/// # Errors
/// `FILE` if a file cannot be read, `MODEL_INVALID` or `LIMIT` if it is not usable.
pub fn load_model(folder: &Path, precision: Precision) -> Result<Reranker> {
    let parts = read_folder(folder, precision)?;
    let encoder = PairEncoder::from_json(&parts.tokenizer_json, parts.config.vocab_size)?;
    Reranker::new(parts.config, encoder, parts.weights.finish()?, &device::cpu())
}

pub(super) fn read_folder(folder: &Path, precision: Precision) -> Result<Folder> {
    read_folder_with(folder, |config| WeightsStream::new(config, precision))
}

/// [`read_folder`] into the stream that `stream` makes.
pub(super) fn read_folder_with(folder: &Path, stream: impl FnOnce(&ModelConfig) -> WeightsStream) -> Result<Folder> {
    let manifest = folder.join("manifest.json");
    if manifest.exists() {
        let manifest = Manifest::from_json(&files::read(&manifest, limits::MAX_MANIFEST_BYTES)?)?;
        read_own_form(folder, &manifest, stream)
    } else {
        read_hugging_face(folder, stream)
    }
}

fn read_own_form(
    folder: &Path,
    manifest: &Manifest,
    stream: impl FnOnce(&ModelConfig) -> WeightsStream,
) -> Result<Folder> {
    let config_json = files::read(&folder.join(&manifest.config.path), limits::MAX_CONFIG_BYTES)?;
    manifest.config.verify(&config_json)?;
    let tokenizer_json = files::read(&folder.join(&manifest.tokenizer.path), limits::MAX_TOKENIZER_BYTES)?;
    manifest.tokenizer.verify(&tokenizer_json)?;
    let config = ModelConfig::from_json(&config_json)?;
    let mut weights = stream(&config);
    for shard in &manifest.weights.shards {
        let bytes = files::read(&folder.join(&shard.path), limits::MAX_SHARD_BYTES)?;
        shard.verify(&bytes)?;
        weights.push(&bytes)?;
    }
    Ok(Folder { config_json, tokenizer_json, config, weights })
}

fn read_hugging_face(folder: &Path, stream: impl FnOnce(&ModelConfig) -> WeightsStream) -> Result<Folder> {
    let config_json = files::read(&folder.join("config.json"), limits::MAX_CONFIG_BYTES)?;
    let tokenizer_json = files::read(&folder.join("tokenizer.json"), limits::MAX_TOKENIZER_BYTES)?;
    let config = ModelConfig::from_json(&config_json)?;
    let mut weights = stream(&config);
    weights.push(&files::read(&folder.join("model.safetensors"), limits::MAX_WEIGHTS_BYTES)?)?;
    Ok(Folder { config_json, tokenizer_json, config, weights })
}
