//! Held-out triplets as lists to rank: rows `{query, positive_text, negative_texts}`, and `positive_rank` where they were
//! mined from a feedback log. All rows of one query are one list, so that a query counts once.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use super::benchmark::Case;
use super::jsonl;
use super::queries::normalize;
use super::random::Random;
use crate::error::Result;

#[derive(Deserialize)]
struct Triplet {
    query: String,
    positive_text: String,
    negative_texts: Vec<String>,
    /// From 1: where the positive stood among all documents that were shown.
    positive_rank: Option<usize>,
}

/// The lists of a file, at most `queries` of them, each with at most `candidates` documents.
///
/// Where the order that was shown is not known, the documents are shuffled: a positive that always stands first would
/// win every tie of the scores.
pub(super) fn read(path: &Path, queries: usize, candidates: usize, seed: u64) -> Result<Vec<Case>> {
    let mut groups: Vec<Vec<Triplet>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for triplet in jsonl::values::<Triplet>(path)? {
        let place = *places.entry(normalize(&triplet.query)).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(triplet),
            None => groups.push(vec![triplet]),
        }
    }
    let mut random = Random::new(seed);
    Ok(groups.into_iter().take(queries).map(|group| case(group, candidates, &mut random)).collect())
}

fn case(group: Vec<Triplet>, candidates: usize, random: &mut Random) -> Case {
    let query = group.first().map(|triplet| triplet.query.clone()).unwrap_or_default();
    let rank = match group.as_slice() {
        [only] => only.positive_rank.filter(|rank| *rank > 0),
        _ => None,
    };
    let (mut positives, mut negatives) = (Vec::new(), Vec::new());
    for triplet in group {
        add(&mut positives, triplet.positive_text);
        triplet.negative_texts.into_iter().for_each(|text| add(&mut negatives, text));
    }
    // A text that is relevant in one row and not in another is relevant.
    negatives.retain(|text| !positives.contains(text));
    let relevant = vec![1.0; positives.len()];
    let mut documents: Vec<_> = negatives.into_iter().map(|text| (text, 0.0)).collect();
    let ordered = rank.is_some();
    for positive in positives {
        // The negatives stand in the order shown, so this is where the positive stood among them.
        let place = rank.map_or(0, |rank| (rank - 1).min(documents.len()));
        documents.insert(place, (positive, 1.0));
    }
    if !ordered {
        random.shuffle(&mut documents);
    }
    documents.truncate(candidates);
    let (documents, gains) = documents.into_iter().unzip();
    Case { query, documents, gains, relevant, ordered, base: None }
}

fn add(texts: &mut Vec<String>, text: String) {
    if !texts.contains(&text) {
        texts.push(text);
    }
}
