//! 2^x and GELU on four lanes. Errors are stated and tested over the whole range that matters.

use super::lanes::F32x4;

/// `2^x` for `x` up to 0, relative error below 3e-6; below -126 it stays at about 1e-38 instead of falling to 0.
///
/// The whole part becomes the exponent, the rest, within a half, goes through a polynomial of degree 4 that was fitted for
/// the smallest largest relative error. Attention scores are scaled by log2(e) beforehand, so no `exp` is needed.
#[inline(always)]
pub(super) fn exp2(x: F32x4) -> F32x4 {
    const LOWEST: f32 = -126.0;
    const HIGHEST: f32 = 9.570_102e-3;
    const COEFFICIENTS: [f32; 4] = [5.591_786e-2, 2.402_474_5e-1, 6.931_218e-1, 9.999_993e-1];

    let x = x.max(F32x4::splat(LOWEST));
    let whole = x.round();
    let rest = x - whole.floats();
    let mut p = F32x4::splat(HIGHEST);
    for coefficient in COEFFICIENTS {
        p = p * rest + F32x4::splat(coefficient);
    }
    p * whole.exp2()
}

/// `x * Phi(x)`, the exact (erf) GELU, absolute error below 5e-5.
///
/// `Phi(x) - 1/2` is odd and nearly 1/2 beyond 4.4: there `x` is clamped, inside it is `x` times a polynomial of degree 8
/// in `x^2`, fitted for the smallest largest error of the product. Rounding carries it just past 1/2 at 4.4, and `Phi` is
/// clamped to 0..1, so far-out values are exact. The result is quantised to 7
/// bits next, in steps of 1/63 of the row's largest value; no exp and no division are needed for that.
#[inline(always)]
pub(super) fn gelu(x: F32x4) -> F32x4 {
    const EDGE: f32 = 4.4;
    const HIGHEST: f32 = 3.569_431e-11;
    const COEFFICIENTS: [f32; 8] = [
        -3.754_050_4e-9,
        1.740_847_9e-7,
        -4.724_869e-6,
        8.429_303e-5,
        -1.054_992_6e-3,
        9.643_028e-3,
        -6.607_643e-2,
        3.987_616e-1,
    ];

    let clamped = x.max(F32x4::splat(-EDGE)).min(F32x4::splat(EDGE));
    let square = clamped * clamped;
    let mut p = F32x4::splat(HIGHEST);
    for coefficient in COEFFICIENTS {
        p = p * square + F32x4::splat(coefficient);
    }
    let phi = F32x4::splat(0.5) + clamped * p;
    x * phi.max(F32x4::splat(0.0)).min(F32x4::splat(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// erf by its Taylor series in f64; within 1e-9, and cut off where erf is 1 within that.
    fn erf(x: f64) -> f64 {
        if x.abs() > 4.5 {
            return x.signum();
        }
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            let n = f64::from(n);
            term *= -x * x / n;
            sum += term / (2.0 * n + 1.0);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    fn range(from: f32, to: f32, steps: usize) -> impl Iterator<Item = f32> {
        (0..=steps).map(move |i| from + (to - from) * i as f32 / steps as f32)
    }

    #[test]
    fn gelu_is_the_exact_one_within_5e_5() {
        for x in range(-30.0, 30.0, 120_000) {
            let exact = 0.5 * f64::from(x) * (1.0 + erf(f64::from(x) / std::f64::consts::SQRT_2));
            let ours = gelu(F32x4::splat(x)).to_array()[0];
            assert!((f64::from(ours) - exact).abs() < 5e-5, "gelu({x}) = {ours}, not {exact}");
        }
    }

    #[test]
    fn gelu_is_exact_far_out() {
        for x in [4.5, 10.0, 1e6, 1e30] {
            assert_eq!(gelu(F32x4::splat(x)).to_array()[0], x);
            assert_eq!(gelu(F32x4::splat(-x)).to_array()[0], 0.0);
        }
    }

    #[test]
    fn exp2_is_right_within_3e_6() {
        for x in range(-126.0, 0.0, 100_000) {
            let exact = f64::from(x).exp2();
            let ours = exp2(F32x4::splat(x)).to_array()[0];
            assert!((f64::from(ours) / exact - 1.0).abs() < 3e-6, "exp2({x}) = {ours}, not {exact}");
        }
        assert!(exp2(F32x4::splat(f32::NEG_INFINITY)).to_array()[0] < 2e-38);
    }

    #[test]
    fn nan_stays_nan() {
        assert!(exp2(F32x4::splat(f32::NAN)).to_array()[0].is_nan());
        assert!(gelu(F32x4::splat(f32::NAN)).to_array()[0].is_nan());
    }
}
