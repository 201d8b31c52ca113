//! 2^x and GELU on four lanes. Errors are stated and tested over the whole range that matters.

use super::lanes::F32x4;

/// `2^x` for `x` up to 0, relative error below 8e-5; below -126 it stays at about 1e-38 instead of falling to 0.
///
/// The whole part becomes the exponent, the rest, within a half, goes through a polynomial of degree 3 that was fitted for
/// the smallest largest relative error. Attention scores are scaled by log2(e) beforehand, so no `exp` is needed; their
/// weights are rounded to whole numbers next, most of them below a thousand.
#[inline(always)]
pub(super) fn exp2(x: F32x4) -> F32x4 {
    const LOWEST: f32 = -126.0;
    const HIGHEST: f32 = 5.517_177_5e-2;
    const COEFFICIENTS: [f32; 3] = [2.426_113_7e-1, 6.932_61e-1, 9.999_28e-1];

    let x = x.max(F32x4::splat(LOWEST));
    let whole = x.round();
    let rest = x - whole.floats();
    let mut p = F32x4::splat(HIGHEST);
    for coefficient in COEFFICIENTS {
        p = p * rest + F32x4::splat(coefficient);
    }
    p * whole.exp2()
}

/// `x * Phi(x)`, the exact (erf) GELU, absolute error below 5e-4.
///
/// `Phi(x) - 1/2` is odd and nearly 1/2 beyond 3.7: there `x` is clamped, inside it is `x` times a polynomial of degree 5
/// in `x^2`, fitted for the smallest largest error of the product. It reaches 1/2 at 3.7, and `Phi` is clamped to 0..1, so
/// far-out values are exact. The result is quantised to 7 bits next, in steps of 1/127 of the row's range, thirty times the
/// error and more; no exp and no division are needed for that.
#[inline(always)]
pub(super) fn gelu(x: F32x4) -> F32x4 {
    const EDGE: f32 = 3.7;
    const HIGHEST: f32 = -4.895_838_4e-7;
    const COEFFICIENTS: [f32; 5] = [2.687_411_5e-5, -6.172_997e-4, 7.847_453_5e-3, -6.258_445e-2, 3.964_724e-1];

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
    fn gelu_is_the_exact_one_within_5e_4() {
        for x in range(-30.0, 30.0, 120_000) {
            let exact = 0.5 * f64::from(x) * (1.0 + erf(f64::from(x) / std::f64::consts::SQRT_2));
            let ours = gelu(F32x4::splat(x)).to_array()[0];
            assert!((f64::from(ours) - exact).abs() < 5e-4, "gelu({x}) = {ours}, not {exact}");
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
    fn exp2_is_right_within_8e_5() {
        for x in range(-126.0, 0.0, 100_000) {
            let exact = f64::from(x).exp2();
            let ours = exp2(F32x4::splat(x)).to_array()[0];
            assert!((f64::from(ours) / exact - 1.0).abs() < 8e-5, "exp2({x}) = {ours}, not {exact}");
        }
        assert!(exp2(F32x4::splat(f32::NEG_INFINITY)).to_array()[0] < 2e-38);
    }

    #[test]
    fn nan_stays_nan() {
        assert!(exp2(F32x4::splat(f32::NAN)).to_array()[0].is_nan());
        assert!(gelu(F32x4::splat(f32::NAN)).to_array()[0].is_nan());
    }
}
