//! Which pairs run together. Pairs are packed without padding, so a batch needs no equal lengths, only a token budget.

use std::ops::Range;

/// Tokens of one batch on a CPU, the unit between which a cancel is seen. Small enough that a batch stays well under a second
/// on one slow core, large enough that the matrix products run at their full rate.
pub(super) const TOKENS_PER_BATCH: usize = 256;

/// Cuts pairs of `lengths` tokens into consecutive batches of up to `budget` tokens; a pair alone may exceed it.
/// The pairs keep their order, so the first results are those of the first stage's best candidates.
pub(super) fn batches(lengths: &[usize], budget: usize) -> Vec<Range<usize>> {
    let mut batches = Vec::new();
    let (mut start, mut tokens) = (0, 0);
    for (index, length) in lengths.iter().enumerate() {
        if index > start && tokens + length > budget {
            batches.push(start..index);
            (start, tokens) = (index, 0);
        }
        tokens += length;
    }
    if start < lengths.len() {
        batches.push(start..lengths.len());
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pairs_no_batches() {
        assert!(batches(&[], TOKENS_PER_BATCH).is_empty());
    }

    #[test]
    fn every_pair_is_in_exactly_one_batch_in_order_and_within_budget() {
        let lengths: Vec<usize> = (0..200).map(|i| 3 + (i * 7919) % 510).collect();
        let plan = batches(&lengths, TOKENS_PER_BATCH);
        let flat: Vec<usize> = plan.iter().cloned().flatten().collect();
        assert_eq!(flat, (0..lengths.len()).collect::<Vec<_>>());
        for range in plan {
            let tokens: usize = lengths[range.clone()].iter().sum();
            assert!(tokens <= TOKENS_PER_BATCH || range.len() == 1, "{range:?}: {tokens}");
        }
    }

    #[test]
    fn a_pair_over_the_budget_runs_alone() {
        assert_eq!(batches(&[10, TOKENS_PER_BATCH + 1, 10], TOKENS_PER_BATCH), [0..1, 1..2, 2..3]);
    }

    #[test]
    fn the_budget_is_filled() {
        assert_eq!(batches(&[TOKENS_PER_BATCH / 2; 4], TOKENS_PER_BATCH), [0..2, 2..4]);
    }
}
