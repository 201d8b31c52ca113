//! The rows of an exported feedback log, version 1. `www/feedback/events.ts` writes them.

use serde::Deserialize;

/// One row: the version, and what happened.
#[derive(Deserialize)]
pub(super) struct Row {
    #[serde(rename = "v")]
    pub version: u32,
    #[serde(flatten)]
    pub event: Event,
}

/// What happened. Places count from 0 in the order shown.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Event {
    /// A list was shown: these texts, in this order.
    Shown { id: String, query: String, texts: Vec<String> },
    /// A document of the list `of` was clicked.
    Click { of: String, place: usize },
    /// The list as a whole was judged.
    Thumb { of: String, up: bool },
    /// Likewise, with 1 to 5 stars.
    Stars { of: String, stars: u8 },
    /// A document was marked as relevant, or the mark was taken back.
    Relevance { of: String, place: usize, relevant: bool },
}
