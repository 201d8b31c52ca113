//! `tokenizer.json` -> [`BertTokenizer`], through an allow-list of the components a BERT tokenizer has.
//!
//! Crafted files can make other components panic or run for very long (tokenizers#2094, #2198), and a component this
//! project has never compared with the reference would give silently different ids. The types name the allowed
//! components alone: the code of all others stays out of the binary, and the vocabulary is read without a copy of the
//! JSON beside it, which a choice among models needs.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tokenizers::decoders::wordpiece::WordPiece as WordPieceDecoder;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::bert::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{Encoding, PostProcessor, TokenizerImpl};

use crate::error::{Error, Result, check_limit};
use crate::limits;

const PLACE: &str = "tokenizer.json";

/// A tokenizer of the components that [`tokenizer`] accepts.
pub(super) type BertTokenizer =
    TokenizerImpl<WordPiece, BertNormalizer, BertPreTokenizer, PairProcessing, WordPieceDecoder>;

/// How two texts become one sequence.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum PairProcessing {
    Template(TemplateProcessing),
    Bert(BertProcessing),
}

impl PostProcessor for PairProcessing {
    fn added_tokens(&self, is_pair: bool) -> usize {
        match self {
            Self::Template(template) => template.added_tokens(is_pair),
            Self::Bert(bert) => bert.added_tokens(is_pair),
        }
    }

    fn process_encodings(&self, encodings: Vec<Encoding>, special_tokens: bool) -> tokenizers::Result<Vec<Encoding>> {
        match self {
            Self::Template(template) => template.process_encodings(encodings, special_tokens),
            Self::Bert(bert) => bert.process_encodings(encodings, special_tokens),
        }
    }
}

/// The kinds of the file's components, and its largest id; everything else in it is skipped without being kept.
#[derive(Deserialize)]
struct Components {
    model: Option<Model>,
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    normalizer: Option<Component>,
    pre_tokenizer: Option<Component>,
    post_processor: Option<Component>,
    decoder: Option<Component>,
}

#[derive(Deserialize)]
struct Component {
    r#type: Option<String>,
}

#[derive(Deserialize)]
struct Model {
    r#type: Option<String>,
    #[serde(default)]
    vocab: LargestId,
}

#[derive(Deserialize)]
struct AddedToken {
    id: u32,
}

/// The largest id of a vocabulary, found without keeping the vocabulary.
#[derive(Default)]
struct LargestId(Option<u32>);

impl<'de> Deserialize<'de> for LargestId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(LargestIdVisitor)
    }
}

struct LargestIdVisitor;

impl<'de> Visitor<'de> for LargestIdVisitor {
    type Value = LargestId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of tokens to ids")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<LargestId, A::Error> {
        let mut largest = None;
        while let Some((IgnoredAny, id)) = map.next_entry()? {
            largest = largest.max(Some(id));
        }
        Ok(LargestId(largest))
    }

    /// The vocabulary of another kind of model, which is refused by its name.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<LargestId, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(LargestId(None))
    }
}

/// Reads the file of a model with `vocab_size` word pieces.
pub(super) fn tokenizer(bytes: &[u8], vocab_size: usize) -> Result<BertTokenizer> {
    check_limit(PLACE, bytes.len(), limits::MAX_TOKENIZER_BYTES, "bytes")?;
    let components: Components = serde_json::from_slice(bytes)
        .map_err(|e| Error::model(PLACE, "is not the JSON of a tokenizer").caused_by(e))?;
    let kind = |component: &Option<Component>| component.as_ref().and_then(|component| component.r#type.clone());
    check("model", components.model.as_ref().and_then(|model| model.r#type.clone()), &["WordPiece"])?;
    check("normalizer", kind(&components.normalizer), &["BertNormalizer"])?;
    check("pre_tokenizer", kind(&components.pre_tokenizer), &["BertPreTokenizer"])?;
    check("post_processor", kind(&components.post_processor), &["TemplateProcessing", "BertProcessing"])?;
    if components.decoder.is_some() {
        // Never used here, but it is built with the rest.
        check("decoder", kind(&components.decoder), &["WordPiece"])?;
    }
    let largest = components.model.and_then(|model| model.vocab.0);
    let largest = components.added_tokens.iter().map(|token| token.id).chain(largest).max().unwrap_or(0);
    if largest as usize >= vocab_size {
        return Err(Error::model(
            PLACE,
            format!("has token id {largest}, but config.json's vocab_size is {vocab_size}"),
        ));
    }
    let mut tokenizer =
        BertTokenizer::from_bytes(bytes).map_err(|e| Error::model(PLACE, "is not a usable tokenizer").caused_by(e))?;
    // CrossEncoder sets its own truncation; padding would only cost time.
    tokenizer
        .with_padding(None)
        .with_truncation(None)
        .map_err(|e| Error::model(PLACE, "its truncation cannot be taken away").caused_by(e))?;
    Ok(tokenizer)
}

fn check(key: &str, kind: Option<String>, allowed: &[&str]) -> Result<()> {
    match kind {
        Some(kind) if allowed.contains(&kind.as_str()) => Ok(()),
        Some(kind) => Err(Error::model(PLACE, format!("{key} is {kind}; only {} is supported", allowed.join(" or ")))),
        None => Err(Error::model(PLACE, format!("has no {key}; expected {}", allowed.join(" or ")))),
    }
}
