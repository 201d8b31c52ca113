//! GELU and its derivative, in loops that the compiler turns into SIMD.

use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::host::{PIECE, contiguous, empty_like, values};

pub(super) fn forward(x: FlexTensor) -> FlexTensor {
    let x = contiguous(x);
    let mut out = empty_like(&x);
    let (from, to) = (values(&x), out.storage_mut::<f32>());
    to.par_chunks_mut(PIECE).zip(from.par_chunks(PIECE)).for_each(|(to, from)| {
        for (to, x) in to.iter_mut().zip(from) {
            *to = x * phi(*x).0;
        }
    });
    out
}

pub(super) fn backward(x: &FlexTensor, grad: FlexTensor) -> FlexTensor {
    let (x, grad) = (contiguous(x.clone()), contiguous(grad));
    let mut out = empty_like(&x);
    let inputs = values(&x).par_chunks(PIECE).zip(values(&grad).par_chunks(PIECE));
    out.storage_mut::<f32>().par_chunks_mut(PIECE).zip(inputs).for_each(|(to, (x, grad))| {
        for ((to, x), grad) in to.iter_mut().zip(x).zip(grad) {
            let (distribution, density) = phi(*x);
            *to = grad * (distribution + x * density);
        }
    });
    out
}

/// The normal distribution's cumulative value and its density at `x`.
///
/// erf by formula 7.1.26 of Abramowitz and Stegun, absolute error below 1.5e-7 before rounding.
#[inline(always)]
fn phi(x: f32) -> (f32, f32) {
    const P: f32 = 0.327_591_1;
    const A: [f32; 5] = [0.254_829_6, -0.284_496_74, 1.421_413_8, -1.453_152, 1.061_405_4];
    const DENSITY_AT_0: f32 = 0.398_942_3;
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let bell = exp(-z * z);
    let t = 1.0 / (1.0 + P * z);
    let tail = 0.5 * bell * t * (A[0] + t * (A[1] + t * (A[2] + t * (A[3] + t * A[4]))));
    (if x < 0.0 { tail } else { 1.0 - tail }, DENSITY_AT_0 * bell)
}

/// `e^x` for `x` up to 88, relative error about 2e-7; 0 below -87. No branch and no call, so that loops vectorise.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    // ln 2 in two parts, so that the rest is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    // Adding and taking away 1.5 * 2^23 rounds to a whole number.
    const ROUNDER: f32 = 12_582_912.0;
    let clamped = x.clamp(-87.0, 88.0);
    let rounded = clamped * LOG2_E + ROUNDER;
    let whole = rounded - ROUNDER;
    let rest = clamped - whole * LN_2_HIGH - whole * LN_2_LOW;
    let mut p = 1.987_569_1e-4;
    for coefficient in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1] {
        p = p * rest + coefficient;
    }
    let p = p * rest * rest + rest + 1.0;
    // The low bits of `rounded` hold the whole part; they become the exponent.
    let power = f32::from_bits(rounded.to_bits().wrapping_add(127) << 23);
    if x < -87.0 { 0.0 } else { p * power }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_right_to_the_last_bits() {
        for step in -8700..=8800 {
            let x = step as f32 / 100.0;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            assert!(error < 4e-7, "exp({x}) is off by {error}");
        }
        assert_eq!((exp(-100.0), exp(f32::NEG_INFINITY), exp(0.0)), (0.0, 0.0, 1.0));
    }

    /// Simpson's rule from 0 to x.
    fn exact(x: f64) -> f64 {
        let density = |t: f64| (-t * t / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let (steps, width) = (2000, x / 2000.0);
        let sum: f64 = (0..=steps)
            .map(|i| {
                let weight = if i == 0 || i == steps { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
                weight * density(f64::from(i) * width)
            })
            .sum();
        0.5 + sum * width / 3.0
    }

    #[test]
    fn phi_is_the_normal_distribution() {
        for step in -60..=60 {
            let x = step as f32 / 10.0;
            let (distribution, density) = phi(x);
            assert!((f64::from(distribution) - exact(f64::from(x))).abs() < 4e-7, "at {x}");
            let expected = (-f64::from(x).powi(2) / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
            assert!((f64::from(density) - expected).abs() < 1e-7, "density at {x}");
        }
    }
}
