//! What a model folder's `config.json` says, checked before anything is allocated.
//!
//! Only BERT sequence classifiers with one label are accepted; everything else is an error that names the key.

use serde::Deserialize;

use crate::error::{Error, Result, check_limit};
use crate::limits;
use crate::rank::Activation;

const PLACE: &str = "config.json";

/// The shape of a BERT cross-encoder. Built by [`ModelConfig::from_json`], so its values are within [`crate::limits`].
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// Word pieces in the vocabulary.
    pub vocab_size: usize,
    /// Width of the hidden state.
    pub hidden_size: usize,
    /// Encoder layers.
    pub num_hidden_layers: usize,
    /// Attention heads; they divide `hidden_size`.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Tokens of the longest pair the position table covers.
    pub max_position_embeddings: usize,
    /// Rows of the segment table; at least 2.
    pub type_vocab_size: usize,
    /// Added to the variance in LayerNorm. BERT uses 1e-12.
    pub layer_norm_eps: f64,
    /// What turns a logit into a score when a call does not say, as `CrossEncoder` decides it.
    pub activation: Activation,
}

#[derive(Deserialize)]
struct RawConfig {
    model_type: Option<String>,
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    max_position_embeddings: usize,
    #[serde(default = "default_type_vocab_size")]
    type_vocab_size: usize,
    #[serde(default = "default_layer_norm_eps")]
    layer_norm_eps: f64,
    #[serde(default = "default_hidden_act")]
    hidden_act: String,
    position_embedding_type: Option<String>,
    is_decoder: Option<bool>,
    num_labels: Option<usize>,
    id2label: Option<serde_json::Map<String, serde_json::Value>>,
    sentence_transformers: Option<SentenceTransformers>,
    sbert_ce_default_activation_function: Option<String>,
}

#[derive(Deserialize)]
struct SentenceTransformers {
    activation_fn: Option<String>,
}

// The defaults of transformers' `BertConfig`.
const fn default_type_vocab_size() -> usize {
    2
}
const fn default_layer_norm_eps() -> f64 {
    1e-12
}
fn default_hidden_act() -> String {
    "gelu".to_owned()
}

impl ModelConfig {
    /// Reads and checks `config.json`.
    ///
    /// # Errors
    /// `LIMIT` if it is too large or describes a model beyond the caps; `MODEL_INVALID` if it is not JSON, not BERT,
    /// not a one-label classifier, or inconsistent.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        check_limit(PLACE, bytes.len(), limits::MAX_CONFIG_BYTES, "bytes")?;
        let raw: RawConfig = serde_json::from_slice(bytes)
            .map_err(|e| Error::model(PLACE, "is not the configuration of a BERT cross-encoder").caused_by(e))?;
        raw.check_architecture()?;
        raw.check_sizes()?;
        Ok(Self {
            vocab_size: raw.vocab_size,
            hidden_size: raw.hidden_size,
            num_hidden_layers: raw.num_hidden_layers,
            num_attention_heads: raw.num_attention_heads,
            intermediate_size: raw.intermediate_size,
            max_position_embeddings: raw.max_position_embeddings,
            type_vocab_size: raw.type_vocab_size,
            layer_norm_eps: raw.layer_norm_eps,
            activation: raw.activation()?,
        })
    }

    /// Width of one attention head.
    #[must_use]
    pub const fn head_size(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }
}

impl RawConfig {
    fn check_architecture(&self) -> Result<()> {
        let expect = |key: &str, found: Option<&str>, wanted: &str| match found {
            Some(value) if value != wanted => {
                Err(Error::model(PLACE, format!("{key} is {value:?}; only {wanted:?} is supported")))
            }
            _ => Ok(()),
        };
        expect("model_type", self.model_type.as_deref(), "bert")?;
        expect("hidden_act", Some(&self.hidden_act), "gelu")?;
        expect("position_embedding_type", self.position_embedding_type.as_deref(), "absolute")?;
        if self.is_decoder == Some(true) {
            return Err(Error::model(PLACE, "is_decoder is true; a cross-encoder is an encoder"));
        }
        let labels = self.id2label.as_ref().map(serde_json::Map::len).or(self.num_labels);
        match labels {
            Some(labels) if labels != 1 => {
                Err(Error::model(PLACE, format!("{labels} labels; a reranker has exactly 1")))
            }
            _ => Ok(()),
        }
    }

    fn check_sizes(&self) -> Result<()> {
        let sizes = [
            ("vocab_size", self.vocab_size, limits::MAX_VOCAB_SIZE, "word pieces"),
            ("hidden_size", self.hidden_size, limits::MAX_HIDDEN_SIZE, "channels"),
            ("num_hidden_layers", self.num_hidden_layers, limits::MAX_LAYERS, "layers"),
            ("num_attention_heads", self.num_attention_heads, limits::MAX_HIDDEN_SIZE, "heads"),
            ("intermediate_size", self.intermediate_size, limits::MAX_INTERMEDIATE_SIZE, "channels"),
            ("max_position_embeddings", self.max_position_embeddings, limits::MAX_POSITIONS, "positions"),
            ("type_vocab_size", self.type_vocab_size, limits::MAX_SEGMENTS, "segments"),
        ];
        for (key, value, cap, unit) in sizes {
            let place = format!("{PLACE} {key}");
            check_limit(&place, value, cap, unit)?;
            if value == 0 {
                return Err(Error::model(place, "is 0"));
            }
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let message = format!("{} heads do not divide hidden_size {}", self.num_attention_heads, self.hidden_size);
            return Err(Error::model(PLACE, message));
        }
        if self.type_vocab_size < 2 {
            return Err(Error::model(
                PLACE,
                "type_vocab_size is 1; a cross-encoder tells query from document by 2 segments",
            ));
        }
        if self.max_position_embeddings < limits::MIN_MAX_LENGTH {
            return Err(Error::model(PLACE, "max_position_embeddings leaves no room for [CLS] and two [SEP]"));
        }
        if !(self.layer_norm_eps.is_finite() && self.layer_norm_eps > 0.0 && self.layer_norm_eps < 1.0) {
            return Err(Error::model(PLACE, format!("layer_norm_eps {} is not between 0 and 1", self.layer_norm_eps)));
        }
        Ok(())
    }

    /// The rule of sentence-transformers' `CrossEncoder`: the new key, else the older one, else Sigmoid for one label;
    /// a class that is not torch's own is not imported, so the default applies.
    fn activation(&self) -> Result<Activation> {
        let new_key = self.sentence_transformers.as_ref().and_then(|s| s.activation_fn.as_deref());
        let Some(path) = new_key.or(self.sbert_ce_default_activation_function.as_deref()) else {
            return Ok(Activation::Sigmoid);
        };
        if !path.starts_with("torch.") {
            return Ok(Activation::Sigmoid);
        }
        match path.rsplit('.').next() {
            Some("Identity") => Ok(Activation::Identity),
            Some("Sigmoid") => Ok(Activation::Sigmoid),
            _ => Err(Error::model(PLACE, format!("activation {path:?}; only Identity and Sigmoid are supported"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use serde_json::{Value, json};

    fn minimal() -> Value {
        json!({
            "model_type": "bert", "vocab_size": 100, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
            "intermediate_size": 64, "max_position_embeddings": 64
        })
    }

    fn parse(value: &Value) -> Result<ModelConfig> {
        ModelConfig::from_json(value.to_string().as_bytes())
    }

    fn with(key: &str, value: Value) -> Value {
        let mut config = minimal();
        config[key] = value;
        config
    }

    #[test]
    fn defaults_are_berts() {
        let config = parse(&minimal()).unwrap();
        assert_eq!((config.type_vocab_size, config.layer_norm_eps), (2, 1e-12));
        assert_eq!(config.activation, Activation::Sigmoid);
        assert_eq!(config.head_size(), 8);
    }

    #[test]
    fn activation_follows_cross_encoder() {
        let new = |path: &str| with("sentence_transformers", json!({ "activation_fn": path }));
        assert_eq!(parse(&new("torch.nn.modules.linear.Identity")).unwrap().activation, Activation::Identity);
        assert_eq!(parse(&new("torch.nn.modules.activation.Sigmoid")).unwrap().activation, Activation::Sigmoid);
        assert_eq!(parse(&new("somebody.elses.Identity")).unwrap().activation, Activation::Sigmoid);
        assert_eq!(parse(&new("torch.nn.Tanh")).unwrap_err().code(), Code::ModelInvalid);
        let mut both = with("sbert_ce_default_activation_function", json!("torch.nn.modules.linear.Identity"));
        assert_eq!(parse(&both).unwrap().activation, Activation::Identity);
        both["sentence_transformers"] = json!({ "activation_fn": "torch.nn.modules.activation.Sigmoid" });
        assert_eq!(parse(&both).unwrap().activation, Activation::Sigmoid, "the new key wins");
    }

    #[test]
    fn hostile_configs_are_named_errors() {
        let invalid = [
            ("model_type", json!("roberta")),
            ("hidden_act", json!("relu")),
            ("position_embedding_type", json!("relative_key")),
            ("is_decoder", json!(true)),
            ("id2label", json!({"0": "a", "1": "b"})),
            ("num_labels", json!(3)),
            ("num_attention_heads", json!(5)),
            ("num_attention_heads", json!(0)),
            ("hidden_size", json!(0)),
            ("hidden_size", json!(-1)),
            ("hidden_size", json!(1.5)),
            ("hidden_size", json!("384")),
            ("type_vocab_size", json!(1)),
            ("max_position_embeddings", json!(2)),
            ("layer_norm_eps", json!(0.0)),
            ("layer_norm_eps", json!(-1e-12)),
            ("layer_norm_eps", json!(1e300)),
        ];
        for (key, value) in invalid {
            let error = parse(&with(key, value.clone())).unwrap_err();
            assert_eq!(error.code(), Code::ModelInvalid, "{key} = {value}: {error}");
        }
        let too_big = [
            ("hidden_size", json!(1_u64 << 40)),
            ("num_hidden_layers", json!(1_000_000)),
            ("vocab_size", json!(u64::MAX)),
            ("intermediate_size", json!(1_u64 << 33)),
            ("max_position_embeddings", json!(1_u64 << 33)),
        ];
        for (key, value) in too_big {
            let error = parse(&with(key, value.clone())).unwrap_err();
            assert_eq!(error.code(), Code::Limit, "{key} = {value}: {error}");
            assert!(error.to_string().contains(key), "{error}");
        }
    }

    #[test]
    fn bytes_that_are_not_a_config_are_errors() {
        for bytes in [&b""[..], b"{", b"[]", b"null", b"<!doctype html>", b"\xff\xfe", b"{}"] {
            assert_eq!(ModelConfig::from_json(bytes).unwrap_err().code(), Code::ModelInvalid);
        }
        let huge = vec![b' '; limits::MAX_CONFIG_BYTES + 1];
        assert_eq!(ModelConfig::from_json(&huge).unwrap_err().code(), Code::Limit);
    }
}
