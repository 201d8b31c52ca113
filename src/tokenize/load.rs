//! `tokenizer.json` -> `Tokenizer`, through an allow-list of the components a BERT tokenizer has.
//!
//! Crafted files can make other components panic or run for very long (tokenizers#2094, #2198), and a component this
//! project has never compared with the reference would give silently different ids.

use serde_json::Value;
use tokenizers::Tokenizer;

use crate::error::{Error, Result, check_limit};
use crate::limits;

const PLACE: &str = "tokenizer.json";

pub(super) fn tokenizer(bytes: &[u8]) -> Result<Tokenizer> {
    check_limit(PLACE, bytes.len(), limits::MAX_TOKENIZER_BYTES, "bytes")?;
    let mut file: Value = serde_json::from_slice(bytes).map_err(|e| Error::model(PLACE, "is not JSON").caused_by(e))?;
    check_component(&file, "model", &["WordPiece"])?;
    check_component(&file, "normalizer", &["BertNormalizer"])?;
    check_component(&file, "pre_tokenizer", &["BertPreTokenizer"])?;
    check_component(&file, "post_processor", &["TemplateProcessing", "BertProcessing"])?;
    if let Some(fields) = file.as_object_mut() {
        // CrossEncoder sets its own truncation and needs no decoder; padding would only cost time.
        for key in ["truncation", "padding", "decoder"] {
            fields.insert(key.to_owned(), Value::Null);
        }
    }
    serde_json::from_value(file).map_err(|e| Error::model(PLACE, "is not a usable tokenizer").caused_by(e))
}

fn check_component(file: &Value, key: &str, allowed: &[&str]) -> Result<()> {
    let component = file.get(key).unwrap_or(&Value::Null);
    match component.get("type").and_then(Value::as_str) {
        Some(kind) if allowed.contains(&kind) => Ok(()),
        Some(kind) => Err(Error::model(PLACE, format!("{key} is {kind}; only {} is supported", allowed.join(" or ")))),
        None => Err(Error::model(PLACE, format!("has no {key}; expected {}", allowed.join(" or ")))),
    }
}
