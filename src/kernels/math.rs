//! exp and GELU on four lanes. Errors are stated and tested over the whole range that matters.

use super::lanes::F32x4;

/// `exp(x)` for `x` up to 0, relative error below 4e-7; below -87 it stays at about 1e-38 instead of falling to 0.
///
/// Cody-Waite reduction to |r| <= ln(2)/2, then a polynomial of degree 6.
#[inline(always)]
pub(super) fn exp(x: F32x4) -> F32x4 {
    const LOWEST: f32 = -87.3;
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    // ln(2) in two parts; the first has few bits, so that its product with a whole number is exact.
    const LN_2_HIGH: f32 = 0.693_145_75;
    const LN_2_LOW: f32 = 1.428_606_8e-6;
    const COEFFICIENTS: [f32; 6] = [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];

    let x = x.max(F32x4::splat(LOWEST));
    let n = (x * F32x4::splat(LOG2_E)).round();
    let whole = n.floats();
    let r = (x - whole * F32x4::splat(LN_2_HIGH)) - whole * F32x4::splat(LN_2_LOW);
    let mut p = F32x4::splat(1.0 / 720.0);
    for coefficient in COEFFICIENTS {
        p = p * r + F32x4::splat(coefficient);
    }
    p * n.exp2()
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
    fn exp_is_right_within_4e_7() {
        for x in range(-87.0, 0.0, 100_000) {
            let exact = f64::from(x).exp();
            let ours = exp(F32x4::splat(x)).to_array()[0];
            assert!((f64::from(ours) / exact - 1.0).abs() < 4e-7, "exp({x}) = {ours}, not {exact}");
        }
        assert_eq!(exp(F32x4::splat(0.0)).to_array(), [1.0; 4]);
        assert!(exp(F32x4::splat(f32::NEG_INFINITY)).to_array()[0] < 2e-38);
    }

    #[test]
    fn nan_stays_nan() {
        assert!(exp(F32x4::splat(f32::NAN)).to_array()[0].is_nan());
        assert!(gelu(F32x4::splat(f32::NAN)).to_array()[0].is_nan());
    }
}
