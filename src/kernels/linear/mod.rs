//! `y = x W + b` with int8 weights: activations are quantised per row to 7 bits, products are summed exactly in i32, and
//! one epilogue dequantises, adds the bias and, where it follows, applies GELU.
//!
//! The integer part has several forms, each for one kind of processor, all with the same result bit for bit:
//! [`portable`] is the specification. Weights are packed once, in the layout of the form that this build uses.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod form;
#[cfg(not(target_family = "wasm"))]
mod portable;
#[cfg(all(target_family = "wasm", feature = "relaxed-simd"))]
mod relaxed;
#[cfg(all(target_family = "wasm", not(feature = "relaxed-simd")))]
mod simd128;

use form::{Activations, Form, RowScale, Step};

use super::lanes::{F32x4, I32x4};
use super::math::gelu;
use super::pack::{PANEL, Packed, pack_steps, padded_input};
use super::reference;
use crate::weights::Int8Rows;

/// Rows of activations of one tile. 4 x 8 sums fill the 16 registers of x64 without spilling; ARM has room for more.
const TILE_ROWS: usize = 4;
/// Rows of activations that stay in the second-level cache while all panels pass over them.
const BLOCK_ROWS: usize = 96;

/// What follows a linear layer in its epilogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Epilogue {
    /// Nothing but the bias.
    Bias,
    /// The bias, then GELU.
    Gelu,
}

/// The packed weights of a linear layer, borrowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weights<'a> {
    /// As in [`Packed`].
    pub words: &'a [i32],
    /// As in [`Packed`].
    pub scales: &'a [f32],
    /// As in [`Packed`].
    pub sums: &'a [f32],
    /// As in [`Packed`].
    pub bias: &'a [f32],
    /// Width of the input, without padding.
    pub input: usize,
    /// Output channels, without padding.
    pub output: usize,
}

#[cfg(all(target_family = "wasm", feature = "relaxed-simd"))]
type Chosen = relaxed::Relaxed;
#[cfg(all(target_family = "wasm", not(feature = "relaxed-simd")))]
type Chosen = simd128::Simd128;
#[cfg(not(target_family = "wasm"))]
type Chosen = portable::Portable;

/// Packs int8 rows, one an output channel, for the form of this build.
pub(crate) fn pack(rows: &Int8Rows, bias: &[f32]) -> Packed {
    pack_for::<Chosen>(rows, bias)
}

fn pack_for<F: Form>(rows: &Int8Rows, bias: &[f32]) -> Packed {
    pack_steps(rows, bias, F::STEP)
}

/// `out = epilogue(x W + b)`.
///
/// # Shapes
/// - x: `[rows, weights.input]`
/// - out: `[rows, weights.output]`
///
/// Slices of other lengths are cut to the rows that all of them hold; the caller has checked them.
pub(crate) fn linear(x: &[f32], weights: Weights<'_>, epilogue: Epilogue, out: &mut [f32]) {
    match epilogue {
        Epilogue::Bias => run_best(x, weights, |value| value, out),
        Epilogue::Gelu => run_best(x, weights, gelu, out),
    }
}

/// [`linear`] with the input as it is and the exact GELU, in scalar arithmetic: for a few rows.
pub(crate) fn linear_f32(x: &[f32], weights: Weights<'_>, epilogue: Epilogue, out: &mut [f32]) {
    let Weights { words, scales, bias, input, output, .. } = weights;
    let then = if epilogue == Epilogue::Gelu { reference::gelu } else { |value| value };
    let steps = padded_input(input) / Chosen::STEP;
    for (x, out) in x.chunks(input).zip(out.chunks_mut(output)) {
        let panels = words.chunks_exact(steps * Chosen::STEP_WORDS).zip(out.chunks_mut(PANEL));
        for ((panel, out), (scales, bias)) in panels.zip(scales.chunks(PANEL).zip(bias.chunks(PANEL))) {
            let mut sums = [0.0; PANEL];
            let panel: &[i8] = bytemuck::cast_slice(panel);
            for (x, step) in x.chunks(Chosen::STEP).zip(panel.chunks_exact(Chosen::STEP * PANEL)) {
                for (sum, weights) in sums.iter_mut().zip(step.chunks_exact(Chosen::STEP)) {
                    *sum += x.iter().zip(weights).map(|(x, weight)| x * f32::from(*weight)).sum::<f32>();
                }
            }
            for (((out, sum), scale), bias) in out.iter_mut().zip(sums).zip(scales).zip(bias) {
                *out = then(sum * scale + bias);
            }
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn run_best(x: &[f32], weights: Weights<'_>, then: impl Fn(F32x4) -> F32x4, out: &mut [f32]) {
    #[cfg(all(target_family = "wasm", feature = "relaxed-simd"))]
    relaxed::run(x, weights, then, out);
    #[cfg(not(all(target_family = "wasm", feature = "relaxed-simd")))]
    run::<Chosen>(x, weights, then, out);
}

#[cfg(target_arch = "x86_64")]
fn run_best(x: &[f32], weights: Weights<'_>, then: impl Fn(F32x4) -> F32x4, out: &mut [f32]) {
    if std::arch::is_x86_feature_detected!("avx2") {
        avx2::run(x, weights, then, out);
    } else {
        run::<portable::Portable>(x, weights, then, out);
    }
}

/// The whole layer in one form. Inlined into a function with the form's target features.
#[inline(always)]
fn run<F: Form>(x: &[f32], weights: Weights<'_>, then: impl Fn(F32x4) -> F32x4, out: &mut [f32]) {
    let Weights { input, output, .. } = weights;
    let steps = padded_input(input) / F::STEP;
    let mut block = Activations::new(BLOCK_ROWS.min(x.len() / input.max(1)), steps);
    for (x, out) in x.chunks(BLOCK_ROWS * input).zip(out.chunks_mut(BLOCK_ROWS * output)) {
        block.quantize::<F>(x, input);
        run_block::<F>(&block, weights, &then, out);
    }
}

/// One block of activations against all panels.
#[inline(always)]
fn run_block<F: Form>(block: &Activations, weights: Weights<'_>, then: &impl Fn(F32x4) -> F32x4, out: &mut [f32]) {
    let panels = weights.words.chunks_exact(block.steps() * F::STEP_WORDS);
    let scales = weights.scales.as_chunks::<PANEL>().0;
    let sums = weights.sums.as_chunks::<PANEL>().0;
    let bias = weights.bias.as_chunks::<PANEL>().0;
    for (index, (((panel, scales), sums), bias)) in panels.zip(scales).zip(sums).zip(bias).enumerate() {
        let channel = Channel { scales, sums, bias, first: index * PANEL };
        let mut out = out.chunks_mut(weights.output);
        for tile in block.tiles() {
            let [first, second, third, fourth] = tile_sums::<F>(tile.steps, panel);
            let [a, b, c, d] = *tile.scales;
            channel.finish::<F>(first, a, then, out.next());
            channel.finish::<F>(second, b, then, out.next());
            channel.finish::<F>(third, c, then, out.next());
            channel.finish::<F>(fourth, d, then, out.next());
        }
    }
}

/// Sums of a tile of activations with the 8 channels of a panel. Not unrolled: that was measured slower in wasm.
#[inline(always)]
fn tile_sums<F: Form>(tile: &[[Step; TILE_ROWS]], panel: &[i32]) -> [F::Sums; TILE_ROWS] {
    let (mut first, mut second, mut third, mut fourth) = (F::zero(), F::zero(), F::zero(), F::zero());
    for (weights, [a, b, c, d]) in F::panel(panel).iter().zip(tile) {
        let weights = F::load(weights);
        first = F::add(first, weights, a);
        second = F::add(second, weights, b);
        third = F::add(third, weights, c);
        fourth = F::add(fourth, weights, d);
    }
    [first, second, third, fourth]
}

/// What the epilogue knows of a panel's channels.
struct Channel<'a> {
    scales: &'a [f32; PANEL],
    sums: &'a [f32; PANEL],
    bias: &'a [f32; PANEL],
    first: usize,
}

impl Channel<'_> {
    #[inline(always)]
    fn finish<F: Form>(&self, sums: F::Sums, scale: RowScale, then: &impl Fn(F32x4) -> F32x4, out: Option<&mut [f32]>) {
        let Some(channels) = out.and_then(|row| row.get_mut(self.first..)) else { return };
        match channels.first_chunk_mut::<PANEL>() {
            Some(channels) => self.write::<F>(sums, scale, then, channels),
            // The last panel of a width that is no multiple of 8.
            None => {
                let mut values = [0.0; PANEL];
                self.write::<F>(sums, scale, then, &mut values);
                channels.iter_mut().zip(values).for_each(|(channel, value)| *channel = value);
            }
        }
    }

    #[inline(always)]
    fn write<F: Form>(&self, sums: F::Sums, scale: RowScale, then: &impl Fn(F32x4) -> F32x4, out: &mut [f32; PANEL]) {
        let (scale, lowest) = (F32x4::splat(scale.scale), F32x4::splat(scale.lowest));
        let parameters =
            self.sums.as_chunks::<4>().0.iter().zip(self.scales.as_chunks::<4>().0).zip(self.bias.as_chunks::<4>().0);
        let out = out.as_chunks_mut::<4>().0.iter_mut();
        for ((out, exact), ((sums, scales), bias)) in out.zip(F::floats(sums)).zip(parameters) {
            let unscaled = exact * scale + lowest * F32x4::load(sums);
            then(unscaled * F32x4::load(scales) + F32x4::load(bias)).store(out);
        }
    }
}

#[cfg(test)]
mod tests;
