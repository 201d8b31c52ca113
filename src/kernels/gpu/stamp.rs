//! Stamps: proof that every dispatch of a batch ran, and on this batch's data.
//!
//! A browser skips a dispatch whose kernel it could not compile, and the buffer keeps what an earlier batch left in it. So
//! the first kernel of a batch writes a number of that batch behind its output, each further one writes behind its own what
//! [`next`] or [`join`] makes of its input's, and the last comes back with the logits. The host computes the same.

/// Stamps are below it: a prime, small enough to be exact in f32.
const MODULUS: u32 = 65_521;
/// What inputs' stamps are multiplied with, so that an early stamp of one batch is no late stamp of the one before. The sum
/// of the largest products stays below 2^32.
const FACTORS: [u32; 2] = [30_011, 20_011];
/// Stamps of first kernels in turn. As many uniforms are kept for a length of batch.
const TURNS: usize = 61;

/// The first stamp of the batch `turn`.
pub(crate) const fn first(turn: usize) -> u32 {
    (turn % TURNS) as u32
}

/// What a kernel writes whose input has `stamp`.
pub(crate) const fn next(stamp: u32) -> u32 {
    join(stamp, 0)
}

/// What a kernel writes whose two inputs have these stamps.
pub(crate) const fn join(first: u32, second: u32) -> u32 {
    let [of_first, of_second] = FACTORS;
    (first * of_first + second * of_second + 1) % MODULUS
}

const _: () = assert!(join(MODULUS - 1, MODULUS - 1) < MODULUS, "the largest stamps overflow");
