//! From what happened to triplets. Of each list that was shown, the positive is the document that was clicked first, else
//! the best-ranked one that was marked relevant, else the first one if the list was judged good (thumb up, or 3 stars or
//! more; the last judgement counts). The negatives are the other documents in the order shown. A bad judgement makes
//! nothing a negative.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;

use serde::Serialize;

use super::log::{Event, Row};
use crate::cli::jsonl;
use crate::error::{Code, Error, Result};

const VERSION: u32 = 1;
const GOOD_STARS: u8 = 3;

pub(super) struct Rules {
    /// Negatives of a triplet at most.
    pub negatives: usize,
    /// Whether documents that were clicked or marked relevant are no negatives either.
    pub spare_liked: bool,
}

/// One row of the output.
#[derive(Debug, PartialEq, Eq, Hash, Clone, Serialize)]
pub(super) struct Triplet {
    pub query: String,
    pub positive_text: String,
    pub negative_texts: Vec<String>,
    /// Where the positive stood among all documents shown, from 1.
    pub positive_rank: usize,
    /// Why it is the positive: `click`, `relevance` or `thumb`.
    pub signal: &'static str,
}

/// The triplets, and what became of the rest.
#[derive(Debug, Default)]
pub(super) struct Mined {
    pub triplets: Vec<Triplet>,
    lists: usize,
    no_signal: usize,
    no_negative: usize,
    repeated: usize,
    /// Events of lists that the log no longer holds, or of places that the list does not have.
    stray: usize,
}

/// A list with all that was done to it.
struct Shown {
    query: String,
    texts: Vec<String>,
    clicks: Vec<usize>,
    relevant: BTreeSet<usize>,
    good: bool,
}

impl Rules {
    /// # Errors
    /// `FILE` naming the row that is of another version.
    pub(super) fn mine(&self, rows: Vec<jsonl::Row<Row>>) -> Result<Mined> {
        let (mut lists, mut places): (Vec<Shown>, HashMap<String, usize>) = Default::default();
        let mut mined = Mined::default();
        for jsonl::Row { place: line, value: Row { version, event } } in rows {
            if version != VERSION {
                return Err(Error::new(Code::File, line, format!("is of version {version}; expected {VERSION}")));
            }
            match event {
                Event::Shown { id, query, texts } => {
                    places.insert(id, lists.len());
                    lists.push(Shown { query, texts, clicks: vec![], relevant: BTreeSet::new(), good: false });
                }
                Event::Click { ref of, .. }
                | Event::Thumb { ref of, .. }
                | Event::Stars { ref of, .. }
                | Event::Relevance { ref of, .. } => {
                    let list = places.get(of).and_then(|place| lists.get_mut(*place));
                    mined.stray += usize::from(!list.is_some_and(|list| list.take(&event)));
                }
            }
        }
        mined.lists = lists.len();
        let mut seen = HashSet::new();
        for list in &lists {
            match self.triplet(list) {
                None => mined.no_signal += 1,
                Some(triplet) if triplet.negative_texts.is_empty() => mined.no_negative += 1,
                Some(triplet) if !seen.insert(triplet.clone()) => mined.repeated += 1,
                Some(triplet) => mined.triplets.push(triplet),
            }
        }
        Ok(mined)
    }

    fn triplet(&self, list: &Shown) -> Option<Triplet> {
        let (place, signal) = list.positive()?;
        let positive = list.texts.get(place)?;
        let others = list.texts.iter().enumerate().filter(|(other, text)| {
            let liked = list.clicks.contains(other) || list.relevant.contains(other);
            // The same text cannot be both.
            *text != positive && !(self.spare_liked && liked)
        });
        let mut negatives: Vec<String> = Vec::new();
        for (_, text) in others {
            if negatives.len() < self.negatives && !text.trim().is_empty() && !negatives.contains(text) {
                negatives.push(text.clone());
            }
        }
        Some(Triplet {
            query: list.query.clone(),
            positive_text: positive.clone(),
            negative_texts: negatives,
            positive_rank: place + 1,
            signal,
        })
    }
}

impl Shown {
    /// Takes in an event of this list. Returns whether the list has the place that it names.
    fn take(&mut self, event: &Event) -> bool {
        match *event {
            Event::Shown { .. } => return false,
            Event::Thumb { up, .. } => self.good = up,
            Event::Stars { stars, .. } => self.good = stars >= GOOD_STARS,
            Event::Click { place, .. } | Event::Relevance { place, .. } if place >= self.texts.len() => return false,
            Event::Click { place, .. } => self.clicks.push(place),
            Event::Relevance { place, relevant: true, .. } => _ = self.relevant.insert(place),
            Event::Relevance { place, relevant: false, .. } => _ = self.relevant.remove(&place),
        }
        true
    }

    /// A document without text cannot be learnt from.
    fn positive(&self) -> Option<(usize, &'static str)> {
        let has_text = |place: &usize| self.texts.get(*place).is_some_and(|text| !text.trim().is_empty());
        let signals = [
            (self.clicks.first().copied(), "click"),
            (self.relevant.first().copied(), "relevance"),
            (self.good.then_some(0), "thumb"),
        ];
        signals.into_iter().find_map(|(place, signal)| Some((place?, signal))).filter(|(place, _)| has_text(place))
    }
}

impl fmt::Display for Mined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { triplets, lists, no_signal, no_negative, repeated, stray } = self;
        let count = triplets.len();
        write!(
            f,
            "{count} triplets of {lists} lists; {no_signal} lists without a positive, {no_negative} without a negative, \
             {repeated} repeated; {stray} events of no known list or place"
        )
    }
}
