//! Canaries: two fixed pairs whose logits are known. On a GPU each batch carries one or both, at places that move, so that a
//! result that is wrong, stale or of another batch does not pass for one.

use std::cell::Cell;

use crate::error::{Code, Error, Result};
use crate::model::PackedBatch;
use crate::tokenize::{EncodedPair, PairEncoder};

/// Query and document, of the same length within a few tokens: one that answers, one that does not.
pub(super) const TEXTS: [(&str, &str); 2] = [
    ("how do I open a file in Rust", "Call File::open with a path: it opens the file and gives a Result."),
    ("how do I open a file in Rust", "Bananas and oranges ripen in the warm sun of the southern islands."),
];

/// Largest difference of a logit that is right. f32 on both sides; what differs is the order of sums.
const TOLERANCE: f32 = 5e-3;

/// The canaries of a model, with their logits.
#[derive(Debug)]
pub struct Canaries {
    pairs: [EncodedPair; 2],
    logits: [f32; 2],
    batches: Cell<usize>,
}

/// Where the canaries of one batch are and what they must give: (place in the batch, logit), places ascending.
#[derive(Debug)]
pub struct Placed(Vec<(usize, f32)>);

/// The canaries' tokens, cut to `max_length`.
///
/// # Errors
/// As [`PairEncoder::encode_pair`]; the texts are short enough for it.
pub(super) fn encode(encoder: &PairEncoder, max_length: usize) -> Result<[EncodedPair; 2]> {
    let [first, second] = TEXTS.map(|(query, document)| encoder.encode_pair(query, document, max_length));
    Ok([first?, second?])
}

impl Canaries {
    /// Canaries `pairs` of known `logits`.
    pub(super) const fn new(pairs: [EncodedPair; 2], logits: [f32; 2]) -> Self {
        Self { pairs, logits, batches: Cell::new(0) }
    }

    /// A batch of `pairs` with canaries among them: the first, the second, both, in turn.
    pub fn pack(&self, pairs: &[EncodedPair]) -> (PackedBatch, Placed) {
        let turn = self.batches.get();
        self.batches.set(turn.wrapping_add(1));
        let known = || self.pairs.iter().zip(self.logits);
        let chosen: Vec<_> = match turn % 3 {
            0 => known().take(1).collect(),
            1 => known().skip(1).collect(),
            // The other order, so that a stale batch of both is none either.
            _ => known().rev().collect(),
        };
        let mut packed: Vec<&EncodedPair> = pairs.iter().collect();
        let mut placed = Vec::new();
        // The steps share no factor, so a place returns only after many batches.
        let mut place = turn.wrapping_mul(7) % (packed.len() + 1);
        for (pair, logit) in chosen {
            packed.insert(place, pair);
            placed.push((place, logit));
            place = place + 1 + turn.wrapping_mul(5) % (packed.len() - place);
        }
        (PackedBatch::pack(packed), Placed(placed))
    }
}

impl Placed {
    /// No canaries.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// The logits of the pairs alone, in their order.
    ///
    /// # Errors
    /// `GPU_UNTRUSTED` if a canary's logit is wrong or missing, or, beside a canary, any logit is not finite.
    pub fn check(&self, logits: Vec<f32>) -> Result<Vec<f32>> {
        for (place, expected) in &self.0 {
            let logit = logits.get(*place).copied().unwrap_or(f32::NAN);
            if (logit - expected).abs().max(0.0) > TOLERANCE || logit.is_nan() {
                let message = format!("a pair with the logit {expected} got {logit}, at place {place} of its batch");
                return Err(Error::new(Code::GpuUntrusted, "canary", message));
            }
        }
        if !self.0.is_empty() && logits.iter().any(|logit| !logit.is_finite()) {
            return Err(Error::new(Code::GpuUntrusted, "logits", "a logit is not finite"));
        }
        let mut places = self.0.iter().map(|(place, _)| *place).peekable();
        let kept = logits.into_iter().enumerate().filter(|(index, _)| places.next_if_eq(index).is_none());
        Ok(kept.map(|(_, logit)| logit).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(id: u32) -> EncodedPair {
        EncodedPair { ids: vec![id], segments: vec![0], truncated: false }
    }

    fn canaries() -> Canaries {
        Canaries::new([pair(100), pair(200)], [1.0, 2.0])
    }

    /// What a right device would give: a canary's logit, and for other pairs the id, below 100.
    fn logits(canaries: &Canaries, pairs: &[EncodedPair]) -> (Vec<f32>, Placed) {
        let (batch, placed) = canaries.pack(pairs);
        let logit = |id: i32| match id {
            100 => 1.0,
            200 => 2.0,
            id => 10.0 + id as f32,
        };
        (batch.ids().iter().map(|id| logit(*id)).collect(), placed)
    }

    #[test]
    fn the_pairs_keep_their_order_and_canaries_stay_out() {
        let canaries = canaries();
        for count in 0..9 {
            let pairs: Vec<_> = (0..count).map(pair).collect();
            for _ in 0..30 {
                let (logits, placed) = logits(&canaries, &pairs);
                assert!(logits.len() > pairs.len());
                let expected: Vec<f32> = (0..count).map(|id| 10.0 + id as f32).collect();
                assert_eq!(placed.check(logits).unwrap(), expected);
            }
        }
    }

    #[test]
    fn a_batch_never_passes_for_the_one_before() {
        let canaries = canaries();
        let pairs: Vec<_> = (0..20).map(pair).collect();
        let mut before = logits(&canaries, &pairs).0;
        for turn in 0..100 {
            let (now, placed) = logits(&canaries, &pairs);
            before.resize(now.len(), 0.0);
            assert!(placed.check(before).is_err(), "turn {turn}");
            before = now;
        }
    }

    #[test]
    fn wrong_missing_and_not_finite_are_untrusted() {
        let canaries = canaries();
        let pairs: Vec<_> = (0..3).map(pair).collect();
        let spoil: [fn(&mut Vec<f32>, usize); 5] = [
            |logits, place| logits[place] += 0.01,
            |logits, place| logits[place] = f32::NAN,
            |logits, place| logits[place] = f32::INFINITY,
            |logits, _| logits.clear(),
            |logits, place| logits[(place + 1) % 4] = f32::NAN,
        ];
        for spoil in spoil {
            let (mut logits, placed) = loop {
                let (logits, placed) = logits(&canaries, &pairs);
                if placed.0.len() == 1 {
                    break (logits, placed);
                }
            };
            spoil(&mut logits, placed.0[0].0);
            assert_eq!(placed.check(logits).unwrap_err().code(), Code::GpuUntrusted);
        }
    }

    #[test]
    fn without_canaries_nothing_is_checked() {
        let logits = Placed::none().check(vec![1.0, f32::INFINITY]).unwrap();
        assert_eq!(logits, [1.0, f32::INFINITY]);
    }
}
