//! LayerNorm, with the residual added first.

use super::lanes::F32x4;

/// `out = LayerNorm(x + residual) * gamma + beta`, row by row; without `residual`, of `x` alone.
///
/// # Shapes
/// - x, residual, out: `[rows, width]`
/// - gamma, beta: `[width]`
pub(crate) fn add_norm(
    x: &[f32],
    residual: Option<&[f32]>,
    gamma: &[f32],
    beta: &[f32],
    epsilon: f32,
    out: &mut [f32],
) {
    let width = gamma.len();
    if width == 0 {
        return;
    }
    match residual {
        Some(residual) => {
            out.iter_mut().zip(x.iter().zip(residual)).for_each(|(sum, (x, residual))| *sum = x + residual)
        }
        None => out.copy_from_slice(x),
    }
    for row in out.chunks_exact_mut(width) {
        norm_row(row, gamma, beta, epsilon);
    }
}

/// Mean first, then the variance of what is left: no cancellation.
fn norm_row(row: &mut [f32], gamma: &[f32], beta: &[f32], epsilon: f32) {
    let width = row.len() as f32;
    let mean = sum(row, |lanes| lanes, |value| value) / width;
    let centre = F32x4::splat(mean);
    let squares = |lanes: F32x4| (lanes - centre) * (lanes - centre);
    let variance = sum(row, squares, |value| (value - mean) * (value - mean)) / width;
    let inverse = 1.0 / (variance + epsilon).sqrt();

    let (chunks, rest) = row.as_chunks_mut::<4>();
    let (gammas, gamma_rest) = gamma.as_chunks::<4>();
    let (betas, beta_rest) = beta.as_chunks::<4>();
    let factor = F32x4::splat(inverse);
    for ((values, gamma), beta) in chunks.iter_mut().zip(gammas).zip(betas) {
        ((F32x4::load(values) - centre) * factor * F32x4::load(gamma) + F32x4::load(beta)).store(values);
    }
    for ((value, gamma), beta) in rest.iter_mut().zip(gamma_rest).zip(beta_rest) {
        *value = (*value - mean) * inverse * gamma + beta;
    }
}

fn sum(row: &[f32], of_lanes: impl Fn(F32x4) -> F32x4, of_value: impl Fn(f32) -> f32) -> f32 {
    let (chunks, rest) = row.as_chunks::<4>();
    let lanes = chunks.iter().fold(F32x4::splat(0.0), |sum, lanes| sum + of_lanes(F32x4::load(lanes)));
    rest.iter().fold(lanes.sum(), |sum, value| sum + of_value(*value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::test_data::noise;

    #[test]
    fn every_width_equals_the_definition() {
        for width in 1..=64 {
            let (x, residual) = (noise(3 * width, 1), noise(3 * width, 2));
            let (gamma, beta) = (noise(width, 3), noise(width, 4));
            let mut out = vec![0.0; 3 * width];
            add_norm(&x, Some(&residual), &gamma, &beta, 1e-12, &mut out);
            for row in 0..3 {
                let sums: Vec<f64> =
                    (0..width).map(|i| f64::from(x[row * width + i] + residual[row * width + i])).collect();
                let mean = sums.iter().sum::<f64>() / width as f64;
                let variance = sums.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / width as f64;
                for i in 0..width {
                    let normed = (sums[i] - mean) / (variance + 1e-12).sqrt();
                    let exact = normed * f64::from(gamma[i]) + f64::from(beta[i]);
                    let ours = f64::from(out[row * width + i]);
                    // A width of 1 has variance 0: rounding alone decides, and both are within the epsilon's reach.
                    assert!(
                        width == 1 || (ours - exact).abs() < 1e-5 * (1.0 + exact.abs()),
                        "{width} {row} {i}: {ours} {exact}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_epsilon_matters_where_the_variance_is_small() {
        let x = [1e-7, -1e-7, 1e-7, -1e-7];
        let mut out = [0.0; 4];
        add_norm(&x, None, &[1.0; 4], &[0.0; 4], 1e-12, &mut out);
        assert!((out[0] - 1e-7 / (1e-14_f32 + 1e-12).sqrt()).abs() < 1e-6, "{out:?}");
    }
}
