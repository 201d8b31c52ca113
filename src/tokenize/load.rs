//! `tokenizer.json` -> [`BertTokenizer`], through an allow-list of the components a BERT tokenizer has.
//!
//! Crafted files can make other components panic or run for very long (tokenizers#2094, #2198), and a component this
//! project has never compared with the reference would give silently different ids. The types name the allowed
//! components alone: the code of all others stays out of the binary, and the vocabulary is read without a copy of the
//! JSON beside it, which a choice among models needs.
//!
//! The file is read twice: first the kinds of its parts ([`Components`]), so that what is refused is named, then the parts
//! themselves ([`Parts`]).

use std::fmt;

use ahash::AHashMap;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tokenizers::decoders::wordpiece::WordPiece as WordPieceDecoder;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::bert::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, Encoding, PostProcessor, TokenizerBuilder, TokenizerImpl};

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

/// The kinds of the file's components, and the ids of its added tokens; everything else in it is skipped without being kept.
#[derive(Deserialize)]
struct Components {
    version: Option<String>,
    model: Option<Component>,
    #[serde(default)]
    added_tokens: Vec<AddedId>,
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
struct AddedId {
    id: u32,
}

/// What becomes a tokenizer. Truncation is `CrossEncoder`'s, and padding would only cost time.
#[derive(Deserialize)]
struct Parts {
    model: Pieces,
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    normalizer: Option<BertNormalizer>,
    pre_tokenizer: Option<BertPreTokenizer>,
    post_processor: Option<PairProcessing>,
    decoder: Option<WordPieceDecoder>,
}

#[derive(Deserialize)]
struct Pieces {
    unk_token: String,
    continuing_subword_prefix: String,
    max_input_chars_per_word: usize,
    vocab: Vocabulary,
}

struct Vocabulary(AHashMap<String, u32>);

impl<'de> Deserialize<'de> for Vocabulary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(VocabularyVisitor)
    }
}

struct VocabularyVisitor;

impl<'de> Visitor<'de> for VocabularyVisitor {
    type Value = Vocabulary;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of tokens to ids")
    }

    /// Tens of thousands of entries, in a small function of their own: a browser optimises whole functions while they run, and
    /// the one that reads the rest of the file, with this in it, took longer to optimise than to run.
    #[inline(never)]
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Vocabulary, A::Error> {
        let mut ids = AHashMap::new();
        while let Some((token, id)) = map.next_entry()? {
            ids.insert(token, id);
        }
        Ok(Vocabulary(ids))
    }
}

impl Parts {
    fn into_tokenizer(self) -> tokenizers::Result<BertTokenizer> {
        let Pieces { unk_token, continuing_subword_prefix, max_input_chars_per_word, vocab } = self.model;
        let model = WordPiece::builder()
            .unk_token(unk_token)
            .continuing_subword_prefix(continuing_subword_prefix)
            .max_input_chars_per_word(max_input_chars_per_word)
            .vocab(vocab.0)
            .build()?;
        let mut tokenizer = TokenizerBuilder::new()
            .with_model(model)
            .with_normalizer(self.normalizer)
            .with_pre_tokenizer(self.pre_tokenizer)
            .with_post_processor(self.post_processor)
            .with_decoder(self.decoder)
            .build()?;
        tokenizer.add_tokens(self.added_tokens)?;
        Ok(tokenizer)
    }
}

/// Reads the file of a model with `vocab_size` word pieces.
pub(super) fn tokenizer(bytes: &[u8], vocab_size: usize) -> Result<BertTokenizer> {
    check_limit(PLACE, bytes.len(), limits::MAX_TOKENIZER_BYTES, "bytes")?;
    let components: Components = serde_json::from_slice(bytes)
        .map_err(|e| Error::model(PLACE, "is not the JSON of a tokenizer").caused_by(e))?;
    let kind = |component: &Option<Component>| component.as_ref().and_then(|component| component.r#type.clone());
    if components.version.is_some() {
        check("version", components.version, &["1.0"])?;
    }
    check("model", kind(&components.model), &["WordPiece"])?;
    check("normalizer", kind(&components.normalizer), &["BertNormalizer"])?;
    check("pre_tokenizer", kind(&components.pre_tokenizer), &["BertPreTokenizer"])?;
    check("post_processor", kind(&components.post_processor), &["TemplateProcessing", "BertProcessing"])?;
    if components.decoder.is_some() {
        // Never used here, but it is built with the rest.
        check("decoder", kind(&components.decoder), &["WordPiece"])?;
    }
    let parts: Parts =
        serde_json::from_slice(bytes).map_err(|e| Error::model(PLACE, "is not a usable tokenizer").caused_by(e))?;
    let added = components.added_tokens.iter().map(|token| &token.id);
    let largest = parts.model.vocab.0.values().chain(added).max().copied().unwrap_or(0);
    if largest as usize >= vocab_size {
        return Err(Error::model(
            PLACE,
            format!("has token id {largest}, but config.json's vocab_size is {vocab_size}"),
        ));
    }
    parts.into_tokenizer().map_err(|e| Error::model(PLACE, "is not a usable tokenizer").caused_by(e))
}

fn check(key: &str, kind: Option<String>, allowed: &[&str]) -> Result<()> {
    match kind {
        Some(kind) if allowed.contains(&kind.as_str()) => Ok(()),
        Some(kind) => Err(Error::model(PLACE, format!("{key} is {kind}; only {} is supported", allowed.join(" or ")))),
        None => Err(Error::model(PLACE, format!("has no {key}; expected {}", allowed.join(" or ")))),
    }
}
