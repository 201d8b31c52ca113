//! AdamW, gradient clipping and the learning rate's schedule, as torch and transformers have them.
//!
//! On the host, in one pass over a tensor: burn-optim's AdamW makes a dozen passes and clips each tensor by its own
//! norm, where `clip_grad_norm_` takes that of all gradients together. Sums are made in pieces of fixed size, so results
//! do not depend on the number of threads.

use rayon::prelude::*;

const PIECE: usize = 1 << 16;

/// The optimiser of <https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html>.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// Decay of the first moment.
    pub beta_1: f64,
    /// Decay of the second moment.
    pub beta_2: f64,
    /// Added to the second moment's root.
    pub epsilon: f64,
    /// Share of a weight that a step at learning rate 1 would take away.
    pub weight_decay: f64,
}

/// The running means of one tensor's gradients and of their squares.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Moments {
    pub first: Vec<f32>,
    pub second: Vec<f32>,
}

impl AdamW {
    /// Moves `weights` by the `step`-th step, counted from 1. `clip` multiplies the gradient first.
    pub(super) fn update(
        &self,
        weights: &mut [f32],
        grad: &[f32],
        clip: f32,
        moments: &mut Moments,
        step: usize,
        rate: f64,
    ) {
        let count = i32::try_from(step).unwrap_or(i32::MAX);
        let (correction_1, correction_2) = (1.0 - self.beta_1.powi(count), 1.0 - self.beta_2.powi(count));
        let step_size = (rate / correction_1) as f32;
        let root_2 = correction_2.sqrt() as f32;
        let kept = (1.0 - rate * self.weight_decay) as f32;
        let (blend_1, beta_2, blend_2) = ((1.0 - self.beta_1) as f32, self.beta_2 as f32, (1.0 - self.beta_2) as f32);
        let epsilon = self.epsilon as f32;
        moments.first.resize(weights.len(), 0.0);
        moments.second.resize(weights.len(), 0.0);
        let moments = moments.first.par_chunks_mut(PIECE).zip(moments.second.par_chunks_mut(PIECE));
        let pieces = weights.par_chunks_mut(PIECE).zip(grad.par_chunks(PIECE)).zip(moments);
        pieces.for_each(|((weights, grads), (first, second))| {
            for ((weight, grad), (first, second)) in weights.iter_mut().zip(grads).zip(first.iter_mut().zip(second)) {
                let grad = grad * clip;
                *first += blend_1 * (grad - *first);
                *second = *second * beta_2 + blend_2 * grad * grad;
                *weight = *weight * kept - step_size * *first / (second.sqrt() / root_2 + epsilon);
            }
        });
    }
}

/// The sum of squares of a gradient.
pub(super) fn sum_of_squares(grad: &[f32]) -> f64 {
    let piece = |values: &[f32]| values.iter().map(|value| f64::from(*value) * f64::from(*value)).sum::<f64>();
    let pieces: Vec<f64> = grad.par_chunks(PIECE).map(piece).collect();
    pieces.iter().sum()
}

/// What gradients of norm `norm` are multiplied by so that it is `largest` at most: torch's `clip_grad_norm_`.
pub(super) fn clip_factor(norm: f64, largest: f64) -> f32 {
    (largest / (norm + 1e-6)).min(1.0) as f32
}

/// A learning rate that rises from 0 over the warm-up and falls to 0 at the end, both linearly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// The highest learning rate.
    pub rate: f64,
    /// Steps of the warm-up.
    pub warm_up: usize,
    /// Steps of the whole run.
    pub steps: usize,
}

impl Schedule {
    /// The learning rate of the step after `done` steps.
    #[must_use]
    pub fn rate(&self, done: usize) -> f64 {
        if done < self.warm_up {
            return self.rate * done as f64 / self.warm_up as f64;
        }
        let falling = self.steps.saturating_sub(self.warm_up).max(1);
        self.rate * self.steps.saturating_sub(done) as f64 / falling as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADAMW: AdamW = AdamW { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };

    /// torch 2.15: `AdamW([1, -2, 3], lr=0.1, weight_decay=0.1)`, three steps with the gradients below.
    #[test]
    fn steps_as_torch_does() {
        let optimizer = AdamW { weight_decay: 0.1, ..ADAMW };
        let (mut weights, mut moments) = (vec![1.0, -2.0, 3.0], Moments::default());
        for (step, grad) in [[0.5, -0.25, 0.0], [0.1, 0.3, -4.0], [-0.2, 1e-9, 2.0]].iter().enumerate() {
            optimizer.update(&mut weights, grad, 1.0, &mut moments, step + 1, 0.1);
        }
        let expected = [0.758_352_6, -1.867_789_1, 3.007_430_8];
        for (found, expected) in weights.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{weights:?}");
        }
    }

    #[test]
    fn clips_by_the_norm_of_everything() {
        assert_eq!(clip_factor(0.5, 1.0), 1.0);
        assert!((clip_factor(4.0, 1.0) - 0.25).abs() < 1e-6);
        let long = vec![0.5_f32; 3 * PIECE + 5];
        assert!((sum_of_squares(&long) - 0.25 * long.len() as f64).abs() < 1e-6);
    }

    #[test]
    fn the_rate_falls_to_zero() {
        let schedule = Schedule { rate: 1.0, warm_up: 0, steps: 4 };
        assert_eq!([0, 1, 2, 3, 4].map(|done| schedule.rate(done)), [1.0, 0.75, 0.5, 0.25, 0.0]);
        let warm = Schedule { rate: 1.0, warm_up: 2, steps: 4 };
        assert_eq!([0, 1, 2, 3, 4].map(|done| warm.rate(done)), [0.0, 0.5, 1.0, 0.5, 0.0]);
    }
}
