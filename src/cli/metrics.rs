//! Ranking metrics.

/// `1 / rank` of the first relevant result within the first `k`, else 0. Its mean over queries is MRR@k.
#[must_use]
pub fn reciprocal_rank(relevant_in_order: impl IntoIterator<Item = bool>, k: usize) -> f64 {
    let first = relevant_in_order.into_iter().take(k).position(|relevant| relevant);
    first.map_or(0.0, |index| 1.0 / (index as f64 + 1.0))
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
