//! The definitions, in scalar f64: what a GPU's kernels are compared with. Slow.

use super::sequences::AttentionInputs;
#[cfg(any(test, feature = "webgpu"))]
use crate::weights::Int8Rows;

/// `x * Phi(x)`, within 2e-7: the exact (erf) GELU by Abramowitz and Stegun 7.1.26.
pub(crate) fn gelu(x: f32) -> f32 {
    let x = f64::from(x);
    let z = x.abs() * std::f64::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let p = ((((1.061_405_429 * t - 1.453_152_027) * t + 1.421_413_741) * t - 0.284_496_736) * t + 0.254_829_592) * t;
    let half_erfc = 0.5 * p * (-z * z).exp();
    (x * if x < 0.0 { half_erfc } else { 1.0 - half_erfc }) as f32
}

/// `x W + b` for a matrix of rows, one an output channel.
///
/// # Shapes
/// - x: `[rows, weights.columns]`
/// - output: `[rows, channels]`
#[cfg(any(test, feature = "webgpu"))]
pub(crate) fn linear(x: &[f32], weights: &Int8Rows, bias: &[f32]) -> Vec<f32> {
    let weights = weights.dequantize();
    let columns = weights.len() / bias.len();
    let row = |x: &[f32]| -> Vec<f32> {
        let channels = weights.chunks_exact(columns).zip(bias);
        channels.map(|(weights, bias)| (dot(x, weights) + f64::from(*bias)) as f32).collect()
    };
    x.chunks_exact(columns).flat_map(row).collect()
}

/// `LayerNorm(x)` row by row.
#[cfg(any(test, feature = "webgpu"))]
pub(crate) fn norm(x: &[f32], gamma: &[f32], beta: &[f32], epsilon: f32) -> Vec<f32> {
    let width = gamma.len();
    let row = |x: &[f32]| -> Vec<f32> {
        let mean = x.iter().map(|value| f64::from(*value)).sum::<f64>() / width as f64;
        let variance = x.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / width as f64;
        let factor = 1.0 / (variance + f64::from(epsilon)).sqrt();
        let values = x.iter().zip(gamma).zip(beta);
        values
            .map(|((x, gamma), beta)| ((f64::from(*x) - mean) * factor * f64::from(*gamma) + f64::from(*beta)) as f32)
            .collect()
    };
    x.chunks_exact(width).flat_map(row).collect()
}

/// Attention of each sequence to itself.
///
/// # Shapes
/// - output: `[queries, hidden]`
pub(crate) fn attention(inputs: AttentionInputs<'_>) -> Vec<f32> {
    let size = inputs.hidden / inputs.heads;
    let mut out = Vec::new();
    for (tokens, asking) in inputs.sequences() {
        for row in asking {
            for head in 0..inputs.heads {
                let channels = head * size..(head + 1) * size;
                let query = inputs.query(row, &channels);
                let rows = inputs.keys_values(&tokens, &channels);
                let scores: Vec<f64> = rows.clone().map(|(key, _)| dot(query, key) / (size as f64).sqrt()).collect();
                let largest = scores.iter().copied().fold(f64::MIN, f64::max);
                let weights: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
                let total: f64 = weights.iter().sum();
                let mut mean = vec![0.0; size];
                for ((_, values), weight) in rows.zip(&weights) {
                    mean.iter_mut().zip(values).for_each(|(mean, value)| *mean += weight * f64::from(*value));
                }
                out.extend(mean.into_iter().map(|mean| (mean / total) as f32));
            }
        }
    }
    out
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

#[cfg(all(test, feature = "cpu"))]
mod tests {
    use super::*;
    use crate::kernels::linear::{Epilogue, Weights, linear_f32};
    use crate::kernels::math;
    use crate::kernels::test_data::noise;
    use crate::kernels::{norm as cpu_norm, pack};

    fn assert_close(ours: &[f32], exact: &[f32], tolerance: f32) {
        assert_eq!(ours.len(), exact.len());
        for (index, (ours, exact)) in ours.iter().zip(exact).enumerate() {
            assert!((ours - exact).abs() <= tolerance, "{index}: {ours} is not {exact}");
        }
    }

    #[test]
    fn gelu_is_that_of_the_cpu() {
        for x in (-800..=800).map(|x| x as f32 / 100.0) {
            let cpu = math::gelu(crate::kernels::lanes::F32x4::splat(x)).to_array()[0];
            assert!((gelu(x) - cpu).abs() < 2.1e-4, "gelu({x})");
        }
    }

    #[test]
    fn linear_with_f32_input_is_the_definition() {
        for (input, output) in [(1, 1), (16, 8), (37, 21), (132, 76)] {
            let x = noise(3 * input, 1);
            let (rows, bias) = (Int8Rows::quantize(&noise(output * input, 2), input), noise(output, 3));
            let packed = pack(&rows, &bias);
            let weights = Weights {
                words: &packed.words,
                scales: &packed.scales,
                sums: &packed.sums,
                bias: &packed.bias,
                input,
                output,
            };
            let exact = linear(&x, &rows, &bias);
            let mut out = vec![f32::NAN; 3 * output];
            linear_f32(&x, weights, Epilogue::Bias, &mut out);
            assert_close(&out, &exact, 1e-5);
            linear_f32(&x, weights, Epilogue::Gelu, &mut out);
            assert_close(&out, &exact.iter().map(|value| gelu(*value)).collect::<Vec<_>>(), 1e-5);
        }
    }

    #[test]
    fn norm_is_that_of_the_cpu() {
        let (x, gamma, beta) = (noise(3 * 20, 1), noise(20, 2), noise(20, 3));
        let mut out = vec![0.0; 3 * 20];
        cpu_norm::add_norm(&x, None, &gamma, &beta, 1e-12, &mut out);
        assert_close(&out, &norm(&x, &gamma, &beta, 1e-12), 1e-5);
    }
}
