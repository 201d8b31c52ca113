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
    fn mean_by_hand() {
        assert_eq!(mean(&[1.0, 0.5, 0.0]), 0.5);
        assert_eq!(mean(&[]), 0.0);
    }
}
