//! The order of results: score descending, then index ascending. Total, so equal inputs give equal orders.

use std::cmp::Ordering;

/// Indexes of `scores`, best first, cut to `top_k` (`None`: all).
#[must_use]
pub fn order(scores: &[f32], top_k: Option<usize>) -> Vec<usize> {
    let mut ranked: Vec<(usize, f32)> = scores.iter().copied().enumerate().collect();
    ranked.sort_by(by_score_then_index);
    ranked.truncate(top_k.unwrap_or(usize::MAX));
    ranked.into_iter().map(|(index, _)| index).collect()
}

fn by_score_then_index(a: &(usize, f32), b: &(usize, f32)) -> Ordering {
    // `total_cmp` tells -0 from 0; adding +0 makes them one.
    (b.1 + 0.0).total_cmp(&(a.1 + 0.0)).then(a.0.cmp(&b.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn best_first_and_ties_by_index() {
        assert_eq!(order(&[0.5, 2.0, 0.5, -1.0, 2.0], None), [1, 4, 0, 2, 3]);
        assert_eq!(order(&[0.0, -0.0, 0.0], None), [0, 1, 2]);
    }

    #[test]
    fn top_k_is_a_prefix() {
        let scores = [0.1, 0.9, 0.4, 0.4, 0.7];
        for k in 0..7 {
            assert_eq!(order(&scores, Some(k)), order(&scores, None)[..k.min(5)]);
        }
    }
}
