//! What a form of the integer part provides, and the quantised activations it reads.

use super::{F32x4, I32x4, TILE_ROWS, padded_input};

/// Largest quantised activation: 7 bits without sign, so that no form of the dot product can saturate.
const LARGEST: f32 = 127.0;

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

    /// A panel's steps.
    fn panel(words: &[i32]) -> &[Self::Weights];
    fn zero() -> Self::Sums;
    fn load(weights: &Self::Weights) -> Self::Loaded;
    /// `sums + weights * activations`
    fn add(sums: Self::Sums, weights: Self::Loaded, activations: &Step) -> Self::Sums;
    /// The sums as floats. Exact below 2^24, which an input of 1,040 cannot exceed; rounded once beyond.
    fn floats(sums: Self::Sums) -> [F32x4; 2];
    /// The steps of 16 quantised activations, 0..=127; a form that needs fewer steps fills the first ones. Of a row with a
    /// NaN they mean nothing: its scale is NaN.
    fn steps(quantized: [I32x4; 4]) -> [Step; MOST_STEPS];
}

/// Steps of 16 activations in the form that needs most: two activations a step.
pub(super) const MOST_STEPS: usize = 8;

/// How the numbers of a quantised row are to be read: `value = lowest + scale * quantised`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RowScale {
    pub scale: f32,
    pub lowest: f32,
}

/// A block of quantised rows in tiles of four, whose steps lie side by side: the innermost loop reads one run of memory.
pub(super) struct Activations {
    /// `[tiles, steps, 4 rows]`
    tiles: Vec<[Step; TILE_ROWS]>,
    /// `[tiles, 4 rows]`
    scales: Vec<[RowScale; TILE_ROWS]>,
    steps: usize,
    padded: Vec<f32>,
}

/// Four quantised rows; those beyond the last row of the block are zeros.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a> {
    pub steps: &'a [[Step; TILE_ROWS]],
    pub scales: &'a [RowScale; TILE_ROWS],
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

    /// Replaces the block by `x`, rows of `input` values, each mapped from its own lowest..highest to 0..127.
    ///
    /// The range is the row's own, not symmetric: what follows GELU is hardly ever below -0.2, and a LayerNorm's outliers
    /// are on one side. That halves the step there, and costs one more product in the epilogue.
    #[inline(always)]
    pub(super) fn quantize<F: Form>(&mut self, x: &[f32], input: usize) {
        let tiles = (x.len() / input).div_ceil(TILE_ROWS);
        self.tiles.clear();
        self.tiles.resize(tiles * self.steps, [[0; 4]; TILE_ROWS]);
        self.scales.clear();
        for (rows, tile) in x.chunks(TILE_ROWS * input).zip(self.tiles.chunks_exact_mut(self.steps)) {
            let mut scales = [RowScale::default(); TILE_ROWS];
            for ((lane, row), scale) in rows.chunks_exact(input).enumerate().zip(&mut scales) {
                let row = if input.is_multiple_of(16) { row } else { pad(&mut self.padded, row) };
                *scale = quantize_row::<F>(row.as_chunks::<16>().0, tile, lane);
            }
            self.scales.push(scales);
        }
    }
}

/// Repeats the last value up to a whole number of steps: that leaves the range alone, and the weights there are 0.
fn pad<'a>(padded: &'a mut Vec<f32>, row: &[f32]) -> &'a [f32] {
    padded.clear();
    padded.extend_from_slice(row);
    padded.resize(padded_input(row.len()), row.last().copied().unwrap_or_default());
    padded
}

/// Quantises a row into its lane of a tile: `round((value - lowest) * 127 / (highest - lowest))`, halves to even.
///
/// A row with a NaN or an infinity gets the scale NaN, so that its outputs are NaN; a row of one value the scale 0.
#[inline(always)]
fn quantize_row<F: Form>(row: &[[f32; 16]], tile: &mut [[Step; TILE_ROWS]], lane: usize) -> RowScale {
    let zero = F32x4::splat(0.0);
    let first = F32x4::splat(row.first().map_or(0.0, |[first, ..]| *first));
    let (mut lowest, mut highest, mut poison) = (first, first, zero);
    for values in row {
        for lanes in values.as_chunks::<4>().0 {
            let lanes = F32x4::load(lanes);
            lowest = lowest.min(lanes);
            highest = highest.max(lanes);
            // 0 for every number, NaN for the rest, which the comparisons above may overlook.
            poison = poison + lanes * zero;
        }
    }
    let (lowest, range) = (lowest.lowest(), highest.highest() - lowest.lowest() + poison.sum());
    let inverse = F32x4::splat(if range > 0.0 { LARGEST / range } else { 0.0 });
    let offset = F32x4::splat(lowest);
    for (values, to) in row.iter().zip(tile.chunks_exact_mut(16 / F::STEP)) {
        if let [a, b, c, d] = values.as_chunks::<4>().0 {
            let whole = [a, b, c, d].map(|lanes| ((F32x4::load(lanes) - offset) * inverse).round().integers());
            for (to, step) in to.iter_mut().zip(F::steps(whole)) {
                if let Some(to) = to.get_mut(lane) {
                    *to = step;
                }
            }
        }
    }
    RowScale { scale: range / LARGEST, lowest }
}
