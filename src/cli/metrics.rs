//! Ranking metrics of one list: gains of the documents in order in, a number from 0 to 1 out. A document is relevant if
//! its gain is above 0. What is relevant but not in the list counts as missed in nDCG and recall.

use std::fmt;
use std::str::FromStr;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// 1 / rank of the first relevant document.
    Mrr,
    /// Discounted gain over that of the ideal order; gains are taken as they are, the discount is log2(rank + 1).
    Ndcg,
    /// 1 if any document is relevant.
    Hit,
    /// Share of the relevant documents.
    Recall,
}

const NAMES: [(&str, Measure); 4] =
    [("mrr", Measure::Mrr), ("ndcg", Measure::Ndcg), ("hit", Measure::Hit), ("recall", Measure::Recall)];

/// A measure over the first `k` documents of a list, written `mrr@10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Metric {
    pub measure: Measure,
    pub k: usize,
}

impl Metric {
    pub(super) const MRR_10: Self = Self { measure: Measure::Mrr, k: 10 };

    /// The metric of a list with these gains in order. `relevant` are the gains of all relevant documents of the query,
    /// in any order.
    pub(super) fn of(self, gains: &[f64], relevant: &[f64]) -> f64 {
        let seen = gains.get(..self.k).unwrap_or(gains);
        let found = seen.iter().filter(|gain| **gain > 0.0).count();
        match self.measure {
            Measure::Mrr => reciprocal_rank(gains.iter().map(|gain| *gain > 0.0), self.k),
            Measure::Hit => f64::from(u8::from(found > 0)),
            Measure::Recall => ratio(found as f64, relevant.len() as f64),
            Measure::Ndcg => ratio(discounted(seen), discounted(&self.ideal(relevant))),
        }
    }

    /// The mean of the metric over all orders of a list: what chance gives.
    pub(super) fn by_chance(self, gains: &[f64], relevant: &[f64]) -> f64 {
        let (length, k) = (gains.len(), self.k.min(gains.len()));
        let found = gains.iter().filter(|gain| **gain > 0.0).count();
        // The chance that no place before this one has a relevant document.
        let none_before = (0..k).scan(1.0, |none, place| {
            let before = *none;
            *none *= ratio((length - found).saturating_sub(place) as f64, (length - place) as f64);
            Some((place, before, *none))
        });
        match self.measure {
            Measure::Mrr => none_before.map(|(place, before, after)| (before - after) / (place as f64 + 1.0)).sum(),
            Measure::Hit => 1.0 - none_before.last().map_or(1.0, |(_, _, none)| none),
            Measure::Recall => ratio(found as f64 * ratio(k as f64, length as f64), relevant.len() as f64),
            Measure::Ndcg => {
                let mean = ratio(gains.iter().sum(), length as f64);
                ratio(discounted(&vec![mean; k]), discounted(&self.ideal(relevant)))
            }
        }
    }

    /// The value in the best and in the worst order of a list. Equal ones say that no order can change it.
    pub(super) fn range(self, gains: &[f64], relevant: &[f64]) -> (f64, f64) {
        let mut sorted = gains.to_vec();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let best = self.of(&sorted, relevant);
        sorted.reverse();
        (best, self.of(&sorted, relevant))
    }

    fn ideal(self, relevant: &[f64]) -> Vec<f64> {
        let mut sorted = relevant.to_vec();
        sorted.sort_by(|a, b| b.total_cmp(a));
        sorted.truncate(self.k);
        sorted
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, measure)| *measure == self.measure).map_or("", |(name, _)| name);
        write!(f, "{name}@{}", self.k)
    }
}

impl FromStr for Metric {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no metric; write mrr@10, ndcg@10, hit@1 or recall@5, with any k above 0");
        let (name, k) = text.split_once('@').ok_or_else(wrong)?;
        let (_, measure) = NAMES.into_iter().find(|(known, _)| *known == name).ok_or_else(wrong)?;
        let k = k.parse().ok().filter(|k| *k > 0).ok_or_else(wrong)?;
        Ok(Self { measure, k })
    }
}

/// `1 / rank` of the first relevant result within the first `k`, else 0. Its mean over queries is MRR@k.
#[must_use]
pub fn reciprocal_rank(relevant_in_order: impl IntoIterator<Item = bool>, k: usize) -> f64 {
    let first = relevant_in_order.into_iter().take(k).position(|relevant| relevant);
    first.map_or(0.0, |index| 1.0 / (index as f64 + 1.0))
}

fn discounted(gains: &[f64]) -> f64 {
    gains.iter().enumerate().map(|(place, gain)| gain / (place as f64 + 2.0).log2()).sum()
}

/// `a / b`; 0 where `b` is 0.
fn ratio(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}

/// Mean of `values`; 0 for none.
pub(super) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// Spearman's rank correlation of two lists of scores: Pearson's of their ranks, ties given their mean rank. 1 for lists
/// that order nothing.
pub(super) fn spearman(a: &[f32], b: &[f32]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let (mean_a, mean_b) = (mean(&a), mean(&b));
    let moment =
        |f: &dyn Fn(f64, f64) -> f64| -> f64 { a.iter().zip(&b).map(|(a, b)| f(a - mean_a, b - mean_b)).sum() };
    let (covariance, variances) = (moment(&|a, b| a * b), moment(&|a, _| a * a) * moment(&|_, b| b * b));
    if variances == 0.0 { 1.0 } else { covariance / variances.sqrt() }
}

/// The rank of each value: how many are below it, and half of those that equal it.
fn ranks(values: &[f32]) -> Vec<f64> {
    let rank = |value: &f32| {
        let below = values.iter().filter(|other| *other < value).count() as f64;
        let equal = values.iter().filter(|other| *other == value).count() as f64;
        below + (equal - 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(text: &str) -> Metric {
        text.parse().unwrap()
    }

    #[test]
    fn metrics_by_hand() {
        let gains = [0.0, 1.0, 0.0, 2.0];
        let relevant = [2.0, 1.0, 1.0];
        let of = |text: &str| metric(text).of(&gains, &relevant);
        assert_eq!([of("mrr@10"), of("mrr@2"), of("mrr@1")], [0.5, 0.5, 0.0]);
        assert_eq!([of("hit@1"), of("hit@2"), of("hit@99")], [0.0, 1.0, 1.0]);
        assert_eq!([of("recall@2"), of("recall@4"), of("recall@99")], [1.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0]);
        // 1 / log2(3) + 2 / log2(5) over 2 + 1 / log2(3) + 1 / 2.
        let (third, fifth) = (1.0 / 3f64.log2(), 2.0 / 5f64.log2());
        assert!((of("ndcg@10") - (third + fifth) / (2.5 + third)).abs() < 1e-12);
        assert!((of("ndcg@2") - third / (2.0 + third)).abs() < 1e-12);
        assert_eq!(metric("ndcg@10").of(&[2.0, 1.0], &[1.0, 2.0]), 1.0);
        for text in ["mrr@5", "ndcg@5", "hit@5", "recall@5"] {
            assert_eq!(metric(text).of(&[], &[]), 0.0, "{text}");
            assert_eq!(metric(text).by_chance(&[], &[]), 0.0, "{text}");
        }
    }

    #[test]
    fn chance_is_the_mean_over_all_orders() {
        let relevant = [1.0, 2.0, 1.0];
        let mut gains = vec![0.0, 1.0, 0.0, 2.0, 0.0];
        for text in ["mrr@1", "mrr@3", "mrr@9", "ndcg@2", "ndcg@9", "hit@1", "hit@3", "hit@4", "recall@2", "recall@9"] {
            let mut all = Vec::new();
            permute(&mut gains, 0, &mut |order| all.push(metric(text).of(order, &relevant)));
            assert_eq!(all.len(), 120);
            let chance = metric(text).by_chance(&gains, &relevant);
            assert!((chance - mean(&all)).abs() < 1e-12, "{text}: {chance} against {}", mean(&all));
            let (best, worst) = metric(text).range(&gains, &relevant);
            assert_eq!(best, all.iter().copied().fold(0.0, f64::max), "{text}");
            assert_eq!(worst, all.iter().copied().fold(1.0, f64::min), "{text}");
        }
    }

    fn permute(items: &mut Vec<f64>, start: usize, visit: &mut impl FnMut(&[f64])) {
        if start == items.len() {
            return visit(items);
        }
        for i in start..items.len() {
            items.swap(start, i);
            permute(items, start + 1, visit);
            items.swap(start, i);
        }
    }

    #[test]
    fn names_round_trip_and_others_are_refused() {
        for text in ["mrr@10", "ndcg@5", "hit@1", "recall@100"] {
            assert_eq!(metric(text).to_string(), text);
        }
        for wrong in ["mrr", "mrr@0", "mrr@-1", "mrr@x", "map@10", "@10", "MRR@10"] {
            assert!(wrong.parse::<Metric>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn reciprocal_rank_by_hand() {
        assert_eq!(reciprocal_rank([true, false], 10), 1.0);
        assert_eq!(reciprocal_rank([false, false, false, true, true], 10), 0.25);
        assert_eq!(reciprocal_rank([false, false, true], 2), 0.0);
        assert_eq!(reciprocal_rank([], 10), 0.0);
    }

    #[test]
    fn spearman_by_hand() {
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[10.0, 20.0, 21.0]), 1.0);
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), -1.0);
        // Ranks 0 1 2 3 against 1 0 2 3: 1 - 6 * 2 / (4 * 15).
        assert!((spearman(&[1.0, 2.0, 3.0, 4.0], &[2.0, 1.0, 3.0, 4.0]) - 0.8).abs() < 1e-12);
        assert_eq!(ranks(&[5.0, 1.0, 5.0]), [1.5, 0.0, 1.5]);
        assert_eq!(spearman(&[1.0, 1.0], &[1.0, 2.0]), 1.0);
    }

    #[test]
    fn mean_by_hand() {
        assert_eq!(mean(&[1.0, 0.5, 0.0]), 0.5);
        assert_eq!(mean(&[]), 0.0);
    }
}
