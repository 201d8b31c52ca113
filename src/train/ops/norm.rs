//! `LayerNorm(dropout(x) + residual)` and its gradients, row by row.

use burn_flex::FlexTensor;
use rayon::prelude::*;

use super::host::{contiguous, dims, empty_like, values, vector};
use super::mask::Mask;

/// Rows of a piece of work. The gradients of gamma and beta are summed piece by piece, in this order on any machine.
const ROWS: usize = 64;

/// The output, and the sum before the norm.
pub(super) fn forward(
    x: FlexTensor,
    residual: FlexTensor,
    gamma: &FlexTensor,
    beta: &FlexTensor,
    epsilon: f64,
    mask: Mask,
) -> [FlexTensor; 2] {
    let (x, residual) = (contiguous(x), contiguous(residual));
    let [rows, width] = dims(&x);
    assert_eq!(dims(&residual), [rows, width], "residual");
    let (mut out, mut sum) = (empty_like(&x), empty_like(&x));
    let piece = ROWS * width;
    let inputs = values(&x).par_chunks(piece).zip(values(&residual).par_chunks(piece));
    let outputs = out.storage_mut::<f32>().par_chunks_mut(piece).zip(sum.storage_mut::<f32>().par_chunks_mut(piece));
    let (gamma, beta) = (values(gamma), values(beta));
    outputs.zip(inputs).enumerate().for_each(|(index, ((out, sum), (x, residual)))| {
        let rows = out.chunks_exact_mut(width).zip(sum.chunks_exact_mut(width));
        let rows = rows.zip(x.chunks_exact(width).zip(residual.chunks_exact(width)));
        for (row, ((out, sum), (x, residual))) in rows.enumerate() {
            sum.copy_from_slice(x);
            mask.apply((index * ROWS + row) as u64, sum);
            sum.iter_mut().zip(residual).for_each(|(sum, residual)| *sum += residual);
            let (mean, inverse) = moments(sum, epsilon);
            for ((out, sum), (gamma, beta)) in out.iter_mut().zip(&*sum).zip(gamma.iter().zip(beta)) {
                *out = (sum - mean) * inverse * gamma + beta;
            }
        }
    });
    [out, sum]
}

/// Gradients of x, residual, gamma and beta.
pub(super) fn backward(
    sum: &FlexTensor,
    gamma: &FlexTensor,
    grad: FlexTensor,
    epsilon: f64,
    mask: Mask,
) -> [FlexTensor; 4] {
    let grad = contiguous(grad);
    let [_, width] = dims(sum);
    let (mut grad_x, mut grad_residual) = (empty_like(sum), empty_like(sum));
    let piece = ROWS * width;
    let inputs = values(sum).par_chunks(piece).zip(values(&grad).par_chunks(piece));
    let outputs = grad_x.storage_mut::<f32>().par_chunks_mut(piece);
    let outputs = outputs.zip(grad_residual.storage_mut::<f32>().par_chunks_mut(piece));
    let gamma = values(gamma);
    let partial: Vec<_> = outputs
        .zip(inputs)
        .enumerate()
        .map(|(index, ((grad_x, grad_residual), (sum, grad)))| {
            let (mut grad_gamma, mut grad_beta) = (vec![0.0_f32; width], vec![0.0_f32; width]);
            let rows = grad_x.chunks_exact_mut(width).zip(grad_residual.chunks_exact_mut(width));
            let rows = rows.zip(sum.chunks_exact(width).zip(grad.chunks_exact(width)));
            for (row, ((grad_x, grad_residual), (sum, grad))) in rows.enumerate() {
                let (mean, inverse) = moments(sum, epsilon);
                // With n the normalised row and h = grad * gamma: (h - mean(h) - n * mean(h * n)) / deviation.
                for ((h, n), ((sum, grad), gamma)) in
                    grad_residual.iter_mut().zip(grad_x.iter_mut()).zip(sum.iter().zip(grad).zip(gamma))
                {
                    (*h, *n) = (grad * gamma, (sum - mean) * inverse);
                }
                for ((grad_gamma, grad_beta), (grad, n)) in
                    grad_gamma.iter_mut().zip(&mut grad_beta).zip(grad.iter().zip(&*grad_x))
                {
                    *grad_gamma += grad * n;
                    *grad_beta += grad;
                }
                let mean_h = total(grad_residual) / width as f32;
                let mean_hn = dot(grad_residual, grad_x) / width as f32;
                for (h, n) in grad_residual.iter_mut().zip(&*grad_x) {
                    *h = (*h - mean_h - n * mean_hn) * inverse;
                }
                grad_x.copy_from_slice(grad_residual);
                mask.apply((index * ROWS + row) as u64, grad_x);
            }
            (grad_gamma, grad_beta)
        })
        .collect();
    let (mut grad_gamma, mut grad_beta) = (vec![0.0; width], vec![0.0; width]);
    for (gamma, beta) in &partial {
        grad_gamma.iter_mut().zip(gamma).for_each(|(sum, part)| *sum += part);
        grad_beta.iter_mut().zip(beta).for_each(|(sum, part)| *sum += part);
    }
    [grad_x, grad_residual, vector(&grad_gamma), vector(&grad_beta)]
}

/// Mean, and 1 / standard deviation.
fn moments(row: &[f32], epsilon: f64) -> (f32, f32) {
    let mean = total(row) / row.len() as f32;
    let variance = folded(row, row, |x, _| (x - mean) * (x - mean)) / row.len() as f32;
    (mean, (1.0 / (f64::from(variance) + epsilon).sqrt()) as f32)
}

fn total(row: &[f32]) -> f32 {
    folded(row, row, |x, _| x)
}

pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    folded(a, b, |x, y| x * y)
}

/// The sum of `f` over two rows, in eight running sums, so that it vectorises.
#[inline(always)]
fn folded(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0.0_f32; 8];
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += f(*a, *b);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| f(*a, *b)).sum();
    sums.iter().sum::<f32>() + rest
}
