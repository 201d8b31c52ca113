//! Collects a model's files and makes a [`Session`] of them.

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::error::throw;
use super::session::Session;
use crate::config::ModelConfig;
use crate::device;
use crate::error::{Code, Error};
use crate::rank::Reranker;
use crate::tokenize::PairEncoder;
use crate::weights::{Precision, Tensors, WeightsStream};

/// A model being loaded: construct with its two JSON files, `push` the weights as they arrive, then `finish`.
#[wasm_bindgen]
pub struct ModelLoader {
    config: ModelConfig,
    encoder: PairEncoder,
    weights: WeightsStream,
}

#[wasm_bindgen]
impl ModelLoader {
    /// Reads `config.json` and `tokenizer.json`. `precision`: `int8`, `f32`, or empty for int8. Throws `MODEL_INVALID`,
    /// `LIMIT` or `OPTION`.
    #[wasm_bindgen(constructor)]
    pub fn new(config_json: &[u8], tokenizer_json: &[u8], precision: &str) -> Result<ModelLoader, JsValue> {
        let precision = match precision {
            "" => Precision::default(),
            name => Precision::from_name(name).ok_or_else(|| {
                throw(Error::new(Code::Option, "precision", format!("{name:?} is neither int8 nor f32")))
            })?,
        };
        let config = ModelConfig::from_json(config_json).map_err(throw)?;
        let encoder = PairEncoder::from_json(tokenizer_json, config.vocab_size).map_err(throw)?;
        let weights = WeightsStream::new(&config, precision);
        Ok(Self { config, encoder, weights })
    }

    /// The next bytes of the safetensors file, cut anywhere. Throws `MODEL_INVALID` (naming the tensor) or `LIMIT`.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), JsValue> {
        self.weights.push(bytes).map_err(throw)
    }

    /// Builds the model; the loader is used up. Throws `MODEL_INVALID` if bytes are missing; on a GPU also `UNSUPPORTED`
    /// without [`openDevice`](super::gpu::open_device) or if the model is not one for it, and `OPTION` for f32 weights.
    pub fn finish(self) -> Result<Session, JsValue> {
        let tensors = self.weights.finish().map_err(throw)?;
        Ok(Session::new(build(self.config, self.encoder, tensors).map_err(throw)?))
    }
}

#[cfg(feature = "cpu")]
fn build(config: ModelConfig, encoder: PairEncoder, tensors: Tensors) -> crate::Result<Reranker> {
    Reranker::new(config, encoder, tensors, &device::cpu())
}

#[cfg(feature = "webgpu")]
fn build(config: ModelConfig, encoder: PairEncoder, tensors: Tensors) -> crate::Result<Reranker> {
    let opened = device::webgpu::opened()?;
    opened.check(&config)?;
    let tokens = opened.tokens_per_batch(&config);
    Ok(Reranker::new(config, encoder, tensors, &opened.device)?.with_tokens_per_batch(tokens))
}
