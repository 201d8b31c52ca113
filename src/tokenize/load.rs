//! `tokenizer.json` -> `Tokenizer`, through an allow-list of the components a BERT tokenizer has.
//!
//! Crafted files can make other components panic or run for very long (tokenizers#2094, #2198), and a component this
//! project has never compared with the reference would give silently different ids.

use serde::Deserialize;
use tokenizers::Tokenizer;

use crate::error::{Error, Result, check_limit};
use crate::limits;

const PLACE: &str = "tokenizer.json";

/// The kinds of the file's components; everything else in it is skipped without being kept.
#[derive(Deserialize)]
struct Components {
    model: Option<Component>,
    normalizer: Option<Component>,
    pre_tokenizer: Option<Component>,
    post_processor: Option<Component>,
    decoder: Option<Component>,
}

#[derive(Deserialize)]
struct Component {
    r#type: Option<String>,
}

pub(super) fn tokenizer(bytes: &[u8]) -> Result<Tokenizer> {
    check_limit(PLACE, bytes.len(), limits::MAX_TOKENIZER_BYTES, "bytes")?;
    let components: Components = serde_json::from_slice(bytes)
        .map_err(|e| Error::model(PLACE, "is not the JSON of a tokenizer").caused_by(e))?;
    check("model", components.model.as_ref(), &["WordPiece"])?;
    check("normalizer", components.normalizer.as_ref(), &["BertNormalizer"])?;
    check("pre_tokenizer", components.pre_tokenizer.as_ref(), &["BertPreTokenizer"])?;
    check("post_processor", components.post_processor.as_ref(), &["TemplateProcessing", "BertProcessing"])?;
    if components.decoder.is_some() {
        // Never used here, but it is built with the rest.
        check("decoder", components.decoder.as_ref(), &["WordPiece"])?;
    }
    let mut tokenizer =
        Tokenizer::from_bytes(bytes).map_err(|e| Error::model(PLACE, "is not a usable tokenizer").caused_by(e))?;
    // CrossEncoder sets its own truncation; padding would only cost time.
    tokenizer
        .with_padding(None)
        .with_truncation(None)
        .map_err(|e| Error::model(PLACE, "its truncation cannot be taken away").caused_by(e))?;
    Ok(tokenizer)
}

fn check(key: &str, component: Option<&Component>, allowed: &[&str]) -> Result<()> {
    match component.and_then(|component| component.r#type.as_deref()) {
        Some(kind) if allowed.contains(&kind) => Ok(()),
        Some(kind) => Err(Error::model(PLACE, format!("{key} is {kind}; only {} is supported", allowed.join(" or ")))),
        None => Err(Error::model(PLACE, format!("has no {key}; expected {}", allowed.join(" or ")))),
    }
}
