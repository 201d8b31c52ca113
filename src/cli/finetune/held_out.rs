//! Evaluation during training, on queries that are not trained on: the loss, and where the best document of each query
//! stands.

use std::ops::Range;

use crate::cli::metrics::mean;
use crate::error::{Error, Result};
use crate::tokenize::PairEncoder;
use crate::train::data::Data;
use crate::train::plan::Examples;
use crate::train::{Loss, Trainer};

/// Groups that are kept out of training, with the file they came from.
pub(super) struct HeldOut {
    sets: Vec<Set>,
    batch: usize,
}

struct Set {
    examples: Examples,
    lists: Vec<List>,
}

/// A query with documents of both classes.
struct List {
    query: String,
    /// Its documents among those of its file.
    range: Range<usize>,
    relevant: Vec<bool>,
}

/// What an evaluation found.
#[derive(Clone, Debug)]
pub(super) struct Evaluation {
    /// Mean over the pairs, or over the groups.
    pub loss: f64,
    /// Reciprocal rank of the first relevant document of each query that has documents of both classes.
    pub ranks: Vec<Rank>,
}

/// One query's result.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Rank {
    pub query: String,
    pub documents: usize,
    pub relevant: usize,
    pub reciprocal_rank: f64,
}

impl Evaluation {
    /// Mean reciprocal rank; none where no query can be ranked.
    pub(super) fn mrr(&self) -> Option<f64> {
        let ranks: Vec<f64> = self.ranks.iter().map(|rank| rank.reciprocal_rank).collect();
        (!ranks.is_empty()).then(|| mean(&ranks))
    }
}

impl HeldOut {
    pub(super) fn new(
        files: &[(String, Data)],
        loss: &Loss,
        encoder: &PairEncoder,
        max_length: usize,
        batch: usize,
    ) -> Result<Self> {
        let sets = files.iter().map(|(place, data)| {
            let examples = Examples::new(place, data, loss, encoder, max_length)?;
            Ok(Set { examples, lists: lists(data) })
        });
        Ok(Self { sets: sets.collect::<Result<_>>()?, batch })
    }

    pub(super) fn pairs(&self) -> usize {
        self.sets.iter().map(|set| set.examples.pairs()).sum()
    }

    pub(super) fn queries(&self) -> usize {
        self.sets.iter().map(|set| set.lists.len()).sum()
    }

    /// Mean reciprocal rank that a random order has on average, over the same lists.
    pub(super) fn random_mrr(&self) -> f64 {
        let lists = self.sets.iter().flat_map(|set| &set.lists);
        mean(&lists.map(|list| random_reciprocal_rank(&list.relevant)).collect::<Vec<_>>())
    }

    pub(super) fn evaluate(&self, trainer: &Trainer) -> Result<Evaluation> {
        let (mut loss, mut weight, mut ranks) = (0.0, 0.0, Vec::new());
        for set in &self.sets {
            let mut logits = Vec::with_capacity(set.examples.pairs());
            for units in set.examples.in_order(self.batch) {
                let (part, part_logits) = trainer.evaluate(&set.examples.batch(&units))?;
                loss += part * units.len() as f64;
                weight += units.len() as f64;
                logits.extend(part_logits);
            }
            ranks.extend(set.lists.iter().map(|list| Rank {
                query: list.query.clone(),
                documents: list.relevant.len(),
                relevant: list.relevant.iter().filter(|relevant| **relevant).count(),
                reciprocal_rank: reciprocal_rank(logits.get(list.range.clone()).unwrap_or_default(), &list.relevant),
            }));
        }
        if weight == 0.0 {
            return Err(Error::model("held-out data", "has nothing to evaluate"));
        }
        Ok(Evaluation { loss: loss / weight, ranks })
    }
}

/// The groups that have documents of both classes; a label of 0.5 or more is relevant.
fn lists(data: &Data) -> Vec<List> {
    let (mut lists, mut start) = (Vec::new(), 0);
    for group in &data.groups {
        let range = start..start + group.documents.len();
        start = range.end;
        let labels: Option<Vec<f32>> = group.documents.iter().map(|document| document.label).collect();
        let relevant: Vec<bool> = labels.unwrap_or_default().iter().map(|label| *label >= 0.5).collect();
        if relevant.contains(&true) && relevant.contains(&false) {
            lists.push(List { query: group.query.clone(), range, relevant });
        }
    }
    lists
}

/// 1 / rank of the best relevant document. Equal scores count against it, so that a model that says nothing gains nothing.
fn reciprocal_rank(logits: &[f32], relevant: &[bool]) -> f64 {
    let of = |wanted: bool| logits.iter().zip(relevant).filter(move |(_, r)| **r == wanted).map(|(logit, _)| *logit);
    let best = of(true).fold(f32::NEG_INFINITY, f32::max);
    1.0 / (1.0 + of(false).filter(|logit| *logit >= best).count() as f64)
}

/// The mean of 1 / rank of the first relevant document over all orders.
fn random_reciprocal_rank(relevant: &[bool]) -> f64 {
    let (all, good) = (relevant.len(), relevant.iter().filter(|relevant| **relevant).count());
    // The chance that no earlier document is relevant, times that this one is.
    let (mut sum, mut none_before) = (0.0, 1.0);
    for place in 0..=(all - good) {
        let left = (all - place) as f64;
        sum += none_before * (good as f64 / left) / (place as f64 + 1.0);
        none_before *= 1.0 - good as f64 / left;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reciprocal_ranks_by_hand() {
        assert_eq!(reciprocal_rank(&[1.0, 2.0, 0.0], &[true, false, false]), 0.5);
        assert_eq!(reciprocal_rank(&[1.0, 1.0, 1.0], &[true, false, false]), 1.0 / 3.0, "ties count against it");
        assert_eq!(reciprocal_rank(&[1.0, 3.0, 2.0], &[true, false, true]), 0.5);
    }

    #[test]
    fn random_orders_by_hand() {
        let one_of_five = (1.0 + 0.5 + 1.0 / 3.0 + 0.25 + 0.2) / 5.0;
        assert!((random_reciprocal_rank(&[true, false, false, false, false]) - one_of_five).abs() < 1e-12);
        // Two of three: first with 2/3, second with 1/3.
        assert!((random_reciprocal_rank(&[false, true, true]) - (2.0 / 3.0 + 1.0 / 6.0)).abs() < 1e-12);
        assert_eq!(random_reciprocal_rank(&[true, true]), 1.0);
    }
}
