//! What a form of the integer part provides, and the quantised activations it reads.

use super::{Bits, F32x4, TILE_ROWS, padded_input};

/// Largest magnitude of a quantised activation: 7 bits, so that no form of the dot product can saturate.
const LARGEST: f32 = 63.0;

/// Four bytes of a row's activations.
pub(super) type Step = [u8; 4];

/// Integer dot products of rows of activations with panels of 8 channels.
///
/// A step is four bytes of a row's activations and the same inputs' weights of all 8 channels.
pub(super) trait Form {
    /// Sums of one row with the 8 channels.
    type Sums: Copy;
    /// Weights of one step in memory.
    type Weights;
    /// Weights of one step in registers.
    type Loaded: Copy;

    /// Inputs of one step.
    const STEP: usize;
    /// Words of packed weights of one step.
    const STEP_WORDS: usize = Self::STEP * super::PANEL / 4;
    /// What is added to a quantised activation when it is stored.
    const ZERO_POINT: i32;

    /// A panel's steps.
    fn panel(words: &[i32]) -> &[Self::Weights];
    fn zero() -> Self::Sums;
    fn load(weights: &Self::Weights) -> Self::Loaded;
    /// `sums + weights * activations`
    fn add(sums: Self::Sums, weights: Self::Loaded, activations: &Step) -> Self::Sums;
    /// The sums less what the zero point added, as floats. Exact: they are below 2^24 up to an input of 2,096 and are
    /// rounded once beyond.
    fn floats(sums: Self::Sums, excess: &[i32; super::PANEL]) -> [F32x4; 2];
    /// The steps of 16 quantised activations, the zero point included: -63..=63 plus it. Of a row with a NaN the values
    /// mean nothing; its scale is NaN. A form with fewer steps leaves the rest as they are.
    fn steps(quantized: [Bits; 4]) -> [Step; MOST_STEPS];
}

/// Steps of 16 activations in the form that needs most: two activations a step.
pub(super) const MOST_STEPS: usize = 8;

/// A block of quantised rows in tiles of four, whose steps lie side by side: the innermost loop reads one run of memory.
pub(super) struct Activations {
    /// `[tiles, steps, 4 rows]`
    tiles: Vec<[Step; TILE_ROWS]>,
    /// `[tiles, 4 rows]`
    scales: Vec<[f32; TILE_ROWS]>,
    steps: usize,
    padded: Vec<f32>,
}

/// Four quantised rows; those beyond the last row of the block are zeros.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a> {
    pub steps: &'a [[Step; TILE_ROWS]],
    pub scales: &'a [f32; TILE_ROWS],
}

impl Activations {
    /// Room for `rows` rows of `steps` steps.
    pub(super) fn new(rows: usize, steps: usize) -> Self {
        let tiles = rows.div_ceil(TILE_ROWS);
        Self { tiles: Vec::with_capacity(tiles * steps), scales: Vec::with_capacity(tiles), steps, padded: Vec::new() }
    }

    pub(super) const fn steps(&self) -> usize {
        self.steps
    }

    pub(super) fn tiles(&self) -> impl Iterator<Item = Tile<'_>> {
        self.tiles.chunks_exact(self.steps).zip(&self.scales).map(|(steps, scales)| Tile { steps, scales })
    }

    /// Replaces the block by `x`, rows of `input` values: each value times `63 / max|row|`, rounded, halves to even.
    ///
    /// A row with a NaN gets the scale NaN, so that its outputs are NaN; a row of zeros gets the scale 0.
    #[inline(always)]
    pub(super) fn quantize<F: Form>(&mut self, x: &[f32], input: usize) {
        let tiles = (x.len() / input).div_ceil(TILE_ROWS);
        self.tiles.clear();
        self.tiles.resize(tiles * self.steps, [[0; 4]; TILE_ROWS]);
        self.scales.clear();
        for (rows, tile) in x.chunks(TILE_ROWS * input).zip(self.tiles.chunks_exact_mut(self.steps)) {
            let mut scales = [0.0; TILE_ROWS];
            for ((lane, row), scale) in rows.chunks_exact(input).enumerate().zip(&mut scales) {
                let row = if input.is_multiple_of(16) {
                    row
                } else {
                    self.padded.clear();
                    self.padded.extend_from_slice(row);
                    self.padded.resize(padded_input(input), 0.0);
                    &self.padded
                };
                *scale = quantize_row::<F>(row.as_chunks::<16>().0, tile, lane);
            }
            self.scales.push(scales);
        }
    }
}

/// Quantises a row into its lane of a tile and returns its scale.
#[inline(always)]
fn quantize_row<F: Form>(row: &[[f32; 16]], tile: &mut [[Step; TILE_ROWS]], lane: usize) -> f32 {
    let mut largest = F32x4::splat(0.0);
    for values in row {
        for lanes in values.as_chunks::<4>().0 {
            largest = largest.max_magnitude(F32x4::load(lanes));
        }
    }
    let largest = largest.largest_magnitude();
    let inverse = F32x4::splat(if largest > 0.0 { LARGEST / largest } else { 0.0 });
    for (values, to) in row.iter().zip(tile.chunks_exact_mut(16 / F::STEP)) {
        if let [a, b, c, d] = values.as_chunks::<4>().0 {
            let whole = [a, b, c, d].map(|lanes| (F32x4::load(lanes) * inverse).round().plus(F::ZERO_POINT));
            for (to, step) in to.iter_mut().zip(F::steps(whole)) {
                if let Some(to) = to.get_mut(lane) {
                    *to = step;
                }
            }
        }
    }
    largest / LARGEST
}
