//! Which pairs go through the model together, and in which order: a function of the seed and the epoch.

use std::ops::Range;

use super::data::Data;
use super::loss::{Loss, Targets};
use super::ops::mixed;
use super::trainer::Batch;
use crate::error::{Error, Result};
use crate::tokenize::{EncodedPair, PairEncoder};

/// Batches in a window whose units are sorted by length when batches are bucketed.
const BUCKET_BATCHES: usize = 50;

/// What is never torn apart: a pair, or for losses over groups a query's documents.
#[derive(Clone, Debug)]
struct Unit {
    pairs: Vec<EncodedPair>,
    targets: Vec<f32>,
    lines: Vec<usize>,
}

/// Tokenised data.
#[derive(Clone, Debug)]
pub struct Examples {
    units: Vec<Unit>,
    over_groups: bool,
}

/// The units of each batch of an epoch, in order.
pub type Plan = Vec<Vec<usize>>;

impl Examples {
    /// Tokenises `data` for `loss`, each pair cut to `max_length` tokens. [`Data::check`] must have passed.
    ///
    /// # Errors
    /// `MODEL_INVALID` naming the line if the tokenizer cannot encode a pair or `loss` has nothing to compare it with.
    pub fn new(place: &str, data: &Data, loss: &Loss, encoder: &PairEncoder, max_length: usize) -> Result<Self> {
        let mut units = Vec::new();
        for group in &data.groups {
            let mut unit = Unit { pairs: Vec::new(), targets: Vec::new(), lines: Vec::new() };
            for document in &group.documents {
                let at = || format!("{place}:{}", document.line);
                let pair = encoder
                    .encode_pair(&group.query, &document.text, max_length)
                    .map_err(|e| Error::new(e.code(), at(), "cannot be tokenised").caused_by(e))?;
                let target = loss.target(document);
                unit.targets.push(target.ok_or_else(|| Error::model(at(), "has nothing to compare a logit with"))?);
                unit.pairs.push(pair);
                unit.lines.push(document.line);
            }
            if loss.is_over_groups() {
                units.push(unit);
            } else {
                units.extend(unit.singles());
            }
        }
        Ok(Self { units, over_groups: loss.is_over_groups() })
    }

    /// Number of pairs.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.units.iter().map(|unit| unit.pairs.len()).sum()
    }

    /// Tokens of all pairs, after truncation.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.units.iter().map(Unit::tokens).sum()
    }

    /// Pairs that were cut to the longest length.
    #[must_use]
    pub fn truncated(&self) -> usize {
        self.units.iter().flat_map(|unit| &unit.pairs).filter(|pair| pair.truncated).count()
    }

    /// The batches of one epoch: shuffled, and with `bucketed` such that lengths within a batch are alike. A batch has
    /// `batch` pairs at most, or one group if that has more.
    #[must_use]
    pub fn epoch(&self, batch: usize, seed: u64, epoch: usize, bucketed: bool) -> Plan {
        let mut random = Shuffle(mixed(seed) ^ mixed(epoch as u64 + 1));
        let mut order: Vec<usize> = (0..self.units.len()).collect();
        random.shuffle(&mut order);
        if !bucketed {
            return self.cut(&order, batch);
        }
        let mut plan = Vec::new();
        for window in order.chunks_mut((batch * BUCKET_BATCHES).max(1)) {
            window.sort_by_key(|unit| self.units.get(*unit).map_or(0, Unit::tokens));
            plan.extend(self.cut(window, batch));
        }
        random.shuffle(&mut plan);
        plan
    }

    /// Batches in the order of the file.
    #[must_use]
    pub fn in_order(&self, batch: usize) -> Plan {
        self.cut(&(0..self.units.len()).collect::<Vec<_>>(), batch)
    }

    fn cut(&self, order: &[usize], batch: usize) -> Plan {
        let mut plan: Plan = Vec::new();
        let mut open = 0;
        for unit in order {
            let pairs = self.units.get(*unit).map_or(0, |unit| unit.pairs.len());
            match plan.last_mut() {
                Some(last) if open + pairs <= batch => last.push(*unit),
                _ => {
                    plan.push(vec![*unit]);
                    open = 0;
                }
            }
            open += pairs;
        }
        plan
    }

    /// The batch of `units`.
    #[must_use]
    pub fn batch(&self, units: &[usize]) -> Batch {
        let mut batch = Batch { pairs: Vec::new(), targets: Targets { values: Vec::new(), groups: Vec::new() } };
        for unit in units.iter().filter_map(|unit| self.units.get(*unit)) {
            let start = batch.pairs.len();
            batch.pairs.extend_from_slice(&unit.pairs);
            batch.targets.values.extend_from_slice(&unit.targets);
            if self.over_groups {
                batch.targets.groups.push(Range { start, end: batch.pairs.len() });
            }
        }
        batch
    }

    /// The lines that `units` came from, sorted.
    #[must_use]
    pub fn lines(&self, units: &[usize]) -> Vec<usize> {
        let units = units.iter().filter_map(|unit| self.units.get(*unit));
        let mut lines: Vec<_> = units.flat_map(|unit| unit.lines.iter().copied()).collect();
        lines.sort_unstable();
        lines.dedup();
        lines
    }
}

impl Unit {
    fn tokens(&self) -> usize {
        self.pairs.iter().map(|pair| pair.ids.len()).sum()
    }

    fn singles(self) -> impl Iterator<Item = Self> {
        let parts = self.pairs.into_iter().zip(self.targets).zip(self.lines);
        parts.map(|((pair, target), line)| Self { pairs: vec![pair], targets: vec![target], lines: vec![line] })
    }
}

/// Numbers of a seed, one after the other.
struct Shuffle(u64);

impl Shuffle {
    /// Fisher and Yates.
    fn shuffle<T>(&mut self, values: &mut [T]) {
        for end in (1..values.len()).rev() {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            // The high half of a product maps 64 random bits to 0..=end, with a bias far below what could be seen.
            let place = (u128::from(mixed(self.0)) * (end as u128 + 1)) >> 64;
            values.swap(end, place as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples(lengths: &[usize], group: usize) -> Examples {
        let pair = |length: usize| EncodedPair { ids: vec![1; length], segments: vec![0; length], truncated: false };
        let units = lengths.iter().enumerate().map(|(line, length)| Unit {
            pairs: vec![pair(*length); group],
            targets: vec![0.0; group],
            lines: vec![line + 1],
        });
        Examples { units: units.collect(), over_groups: group > 1 }
    }

    fn sorted(plan: &Plan) -> Vec<usize> {
        let mut units: Vec<_> = plan.iter().flatten().copied().collect();
        units.sort_unstable();
        units
    }

    #[test]
    fn an_epoch_has_every_unit_once_in_an_order_of_its_own() {
        let examples = examples(&[5; 50], 1);
        let plan = examples.epoch(16, 42, 0, false);
        assert_eq!(plan.iter().map(Vec::len).collect::<Vec<_>>(), [16, 16, 16, 2]);
        assert_eq!(sorted(&plan), (0..50).collect::<Vec<_>>());
        assert_eq!(plan, examples.epoch(16, 42, 0, false));
        assert_ne!(plan, examples.epoch(16, 42, 1, false));
        assert_ne!(plan, examples.epoch(16, 43, 0, false));
        assert_ne!(plan, examples.in_order(16));
    }

    #[test]
    fn buckets_hold_like_lengths_in_a_shuffled_order() {
        let lengths: Vec<usize> = (0..200).map(|i| 10 + i * 37 % 200).collect();
        let plan = examples(&lengths, 1).epoch(10, 42, 0, true);
        assert_eq!(sorted(&plan), (0..200).collect::<Vec<_>>());
        let range = |batch: &Vec<usize>| {
            let found = || batch.iter().map(|unit| lengths[*unit]);
            (found().min().unwrap(), found().max().unwrap())
        };
        assert!(plan.iter().all(|batch| range(batch).1 - range(batch).0 < 10), "within a batch");
        assert!(!plan.is_sorted_by_key(range), "batches are shuffled");
    }

    #[test]
    fn groups_stay_whole() {
        let examples = examples(&[5; 7], 5);
        assert_eq!(examples.in_order(16).iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
        assert_eq!(examples.in_order(3).iter().map(Vec::len).collect::<Vec<_>>(), [1; 7]);
        let batch = examples.batch(&[1, 2]);
        assert_eq!((batch.pairs.len(), batch.targets.groups), (10, vec![0..5, 5..10]));
        assert_eq!(examples.lines(&[2, 1]), [2, 3]);
    }
}
