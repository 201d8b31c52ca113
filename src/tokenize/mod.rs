//! Pairs to token ids: `[CLS] query [SEP] document [SEP]`, segments 0 and 1, truncation `longest_first`, no padding;
//! the same ids as transformers' fast tokenizer gives to `CrossEncoder`.

mod load;

use tokenizers::utils::truncation::{TruncationDirection, TruncationParams, TruncationStrategy, truncate_encodings};
use tokenizers::{Encoding, PostProcessor};

use crate::error::{Code, Error, Result, check_limit};
use crate::limits;

/// The tokens of one pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedPair {
    /// Word piece ids, special tokens included.
    pub ids: Vec<u32>,
    /// Segment of each token: 0 query, 1 document.
    pub segments: Vec<u8>,
    /// Whether the texts had more tokens than fit.
    pub truncated: bool,
}

/// Encodes pairs with a folder's `tokenizer.json`.
#[derive(Debug)]
pub struct PairEncoder {
    tokenizer: load::BertTokenizer,
    special_tokens: usize,
    vocab_size: usize,
}

impl PairEncoder {
    /// Reads the `tokenizer.json` of a model with `vocab_size` word pieces. Only BERT's WordPiece components are accepted;
    /// truncation and padding that the file may set are ignored, as `CrossEncoder` sets its own.
    ///
    /// # Errors
    /// `LIMIT` if it is too large; `MODEL_INVALID` if it is not a WordPiece tokenizer or has ids beyond the vocabulary.
    pub fn from_json(bytes: &[u8], vocab_size: usize) -> Result<Self> {
        let tokenizer = load::tokenizer(bytes, vocab_size)?;
        let special_tokens = tokenizer.get_post_processor().map_or(0, |post| post.added_tokens(true));
        Ok(Self { tokenizer, special_tokens, vocab_size })
    }

    /// Encodes one pair, cut to `max_length` tokens.
    ///
    /// # Errors
    /// `LIMIT` if a text is over its cap; `MODEL_INVALID` if the tokenizer cannot encode it.
    pub fn encode_pair(&self, query: &str, document: &str, max_length: usize) -> Result<EncodedPair> {
        self.join(self.encode_query(query)?, self.encode_document(document)?, max_length)
    }

    /// Encodes `pairs` of (query, document). A query that equals the one before it is tokenised once.
    ///
    /// # Errors
    /// As [`encode_pair`](Self::encode_pair).
    pub fn encode_pairs(&self, pairs: &[(&str, &str)], max_length: usize) -> Result<Vec<EncodedPair>> {
        let mut last: Option<(&str, Encoding)> = None;
        let mut encoded = Vec::with_capacity(pairs.len());
        for (query, document) in pairs {
            let tokens = match last.take() {
                Some((text, tokens)) if text == *query => tokens,
                _ => self.encode_query(query)?,
            };
            encoded.push(self.join(tokens.clone(), self.encode_document(document)?, max_length)?);
            last = Some((query, tokens));
        }
        Ok(encoded)
    }

    fn encode_query(&self, text: &str) -> Result<Encoding> {
        check_limit("query", text.len(), limits::MAX_QUERY_BYTES, "bytes")?;
        self.encode(text)
    }

    fn encode_document(&self, text: &str) -> Result<Encoding> {
        check_limit("document", text.len(), limits::MAX_DOCUMENT_BYTES, "bytes")?;
        self.encode(text)
    }

    fn encode(&self, text: &str) -> Result<Encoding> {
        self.tokenizer
            .encode_fast(text, false)
            .map_err(|e| Error::model("tokenizer.json", "cannot encode this text").caused_by(e))
    }

    fn join(&self, query: Encoding, document: Encoding, max_length: usize) -> Result<EncodedPair> {
        let room = max_length.checked_sub(self.special_tokens).ok_or_else(|| {
            Error::new(Code::Option, "max_length", format!("{max_length} leaves no room for the special tokens"))
        })?;
        let truncated = query.len() + document.len() > room;
        let params = TruncationParams {
            direction: TruncationDirection::Right,
            max_length: room,
            strategy: TruncationStrategy::LongestFirst,
            stride: 0,
        };
        let failed = |e| Error::new(Code::Internal, "tokenizer", "cannot join a pair").caused_by(e);
        let (query, document) = truncate_encodings(query, Some(document), &params)
            .map_err(|e| Error::new(Code::Internal, "tokenizer", "cannot truncate a pair").caused_by(e))?;
        let pair = self.tokenizer.post_process(query, document, true).map_err(failed)?;
        self.check(pair.get_ids(), max_length)?;
        Ok(EncodedPair {
            ids: pair.get_ids().to_vec(),
            segments: pair.get_type_ids().iter().map(|segment| u8::from(*segment == 1)).collect(),
            truncated,
        })
    }

    /// A template can name ids of its own, repeat a text or leave everything out; the model relies on none of that.
    fn check(&self, ids: &[u32], max_length: usize) -> Result<()> {
        if ids.is_empty() || ids.len() > max_length {
            let message = format!("its post_processor makes {} tokens of a pair of {max_length} at most", ids.len());
            return Err(Error::model("tokenizer.json", message));
        }
        match ids.iter().find(|id| **id as usize >= self.vocab_size) {
            Some(id) => {
                Err(Error::model("tokenizer.json", format!("its post_processor adds the unknown token id {id}")))
            }
            None => Ok(()),
        }
    }
}
