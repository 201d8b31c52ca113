//! What a form of the integer part provides, and the quantised activations it reads.

use super::{F32x4, padded_input};

/// Largest magnitude of a quantised activation: 7 bits, so that no form of the dot product can saturate.
const LARGEST: f32 = 63.0;

/// Integer dot products of rows of activations with panels of 8 channels.
///
/// A step is four bytes of a row's activations and the same inputs' weights of all 8 channels.
pub(super) trait Form {
    /// Sums of one row with the 8 channels.
    type Sums: Copy;
    /// Weights of one step in memory.
    type Step;
    /// Weights of one step in registers.
    type Loaded: Copy;

    /// Inputs of one step.
    const STEP: usize;
    /// Words of packed weights of one step.
    const STEP_WORDS: usize = Self::STEP * super::PANEL / 4;
    /// What is added to a quantised activation when it is stored.
    const ZERO_POINT: i32;

    /// A panel's steps.
    fn panel(words: &[i32]) -> &[Self::Step];
    fn zero() -> Self::Sums;
    fn load(weights: &Self::Step) -> Self::Loaded;
    /// `sums + weights * activations`
    fn add(sums: Self::Sums, weights: Self::Loaded, activations: [u8; 4]) -> Self::Sums;
    /// The sums less what the zero point added, as floats. Exact: they are below 2^24 up to an input of 2,096 and are
    /// rounded once beyond.
    fn floats(sums: Self::Sums, excess: &[i32; super::PANEL]) -> [F32x4; 2];
    /// Stores activations that were divided by their scale and rounded.
    fn store(rounded: &[f32; 16], to: &mut [[u8; 4]]);
}

/// A block of quantised rows, each with its scale, in the layout of a [`Form`].
pub(super) struct Activations {
    bytes: Vec<[u8; 4]>,
    scales: Vec<f32>,
    steps: usize,
    padded: Vec<f32>,
}

/// One quantised row.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub steps: &'a [[u8; 4]],
    pub scale: f32,
}

impl Activations {
    pub(super) fn new(rows: usize, steps: usize) -> Self {
        Self { bytes: Vec::with_capacity(rows * steps), scales: Vec::with_capacity(rows), steps, padded: Vec::new() }
    }

    pub(super) const fn steps(&self) -> usize {
        self.steps
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.bytes.chunks_exact(self.steps).zip(&self.scales).map(|(steps, scale)| Row { steps, scale: *scale })
    }

    /// Replaces the block by `x`, rows of `input` values: each value times `63 / max|row|`, rounded, halves to even.
    ///
    /// A row with a NaN gets the scale NaN, so that its outputs are NaN; a row of zeros gets the scale 0.
    #[inline(always)]
    pub(super) fn quantize<F: Form>(&mut self, x: &[f32], input: usize) {
        let rows = x.len() / input.max(1);
        self.bytes.resize(rows * self.steps, [0; 4]);
        self.scales.clear();
        for (row, to) in x.chunks_exact(input).zip(self.bytes.chunks_exact_mut(self.steps)) {
            let row = if input.is_multiple_of(16) {
                row
            } else {
                self.padded.clear();
                self.padded.extend_from_slice(row);
                self.padded.resize(padded_input(input), 0.0);
                &self.padded
            };
            self.scales.push(quantize_row::<F>(row.as_chunks::<16>().0, to));
        }
    }
}

#[inline(always)]
fn quantize_row<F: Form>(row: &[[f32; 16]], to: &mut [[u8; 4]]) -> f32 {
    let mut largest = F32x4::splat(0.0);
    for values in row {
        for lanes in values.as_chunks::<4>().0 {
            largest = largest.max(F32x4::load(lanes).abs());
        }
    }
    let largest = largest.largest();
    let inverse = F32x4::splat(if largest > 0.0 { LARGEST / largest } else { 0.0 });
    for (values, to) in row.iter().zip(to.chunks_exact_mut(16 / F::STEP)) {
        let mut rounded = [0.0; 16];
        for (rounded, lanes) in rounded.as_chunks_mut::<4>().0.iter_mut().zip(values.as_chunks::<4>().0) {
            (F32x4::load(lanes) * inverse).round().store(rounded);
        }
        F::store(&rounded, to);
    }
    largest / LARGEST
}
