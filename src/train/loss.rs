//! What training makes smaller. Each loss is the mean over the batch's pairs, or over its groups of one query.
//!
//! The references are torch's `BCEWithLogitsLoss`, `MSELoss`, `cross_entropy` with target probabilities (as in
//! sentence-transformers' `ListNetLoss`, but with labels divided by their sum) and `KLDivLoss`.

use std::ops::Range;

use burn::tensor::activation::{log_sigmoid, log_softmax};
use burn::tensor::{Tensor, TensorData};

/// A loss and its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    /// Binary cross-entropy of each pair's logit against its label.
    BinaryCrossEntropy {
        /// What positive labels weigh; 1 is as much as negative ones.
        pos_weight: f32,
    },
    /// Cross-entropy of the softmax over a query's documents against its labels, divided by their sum.
    Listwise,
    /// Mean squared error of each pair's logit against the teacher's score.
    DistillMse,
    /// Kullback-Leibler divergence of the softmax over a query's documents from the teacher's, times temperature squared.
    DistillKl {
        /// Divides logits and teacher scores before the softmax.
        temperature: f32,
    },
}

/// What the logits of a batch are compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct Targets {
    /// A label or a teacher's score for each sequence.
    pub values: Vec<f32>,
    /// The sequences of each query, for losses over groups: end to end, from 0.
    pub groups: Vec<Range<usize>>,
}

impl Loss {
    /// Whether it compares the documents of a query, and so needs them in one batch.
    #[must_use]
    pub const fn is_over_groups(&self) -> bool {
        matches!(self, Self::Listwise | Self::DistillKl { .. })
    }

    /// Whether its targets are a teacher's scores.
    #[must_use]
    pub const fn needs_teacher(&self) -> bool {
        matches!(self, Self::DistillMse | Self::DistillKl { .. })
    }

    /// The name it has in sentence-transformers, or in torch where that has none; for the model card.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::BinaryCrossEntropy { .. } => "BinaryCrossEntropyLoss",
            Self::Listwise => "ListNetLoss",
            Self::DistillMse => "MSELoss",
            Self::DistillKl { .. } => "KLDivLoss",
        }
    }

    /// The loss of a batch.
    ///
    /// # Shapes
    /// - logits: `[sequences]`
    /// - output: `[1]`
    pub(super) fn forward(&self, logits: Tensor<1>, targets: &Targets) -> Tensor<1> {
        let constant = |values: Vec<f32>| {
            let shape = [values.len()];
            Tensor::<1>::from_data(TensorData::new(values, shape), &logits.device())
        };
        match *self {
            Self::BinaryCrossEntropy { pos_weight } => {
                let labels = constant(targets.values.clone());
                let weight = labels.clone() * (pos_weight - 1.0) + 1.0;
                let negative = (labels.neg() + 1.0) * logits.clone();
                (negative - weight * log_sigmoid(logits)).mean()
            }
            Self::DistillMse => {
                let difference = logits.clone() - constant(targets.values.clone());
                (difference.clone() * difference).mean()
            }
            Self::Listwise => self.over_groups(&logits, targets, |group, labels| {
                let sum: f32 = labels.iter().sum();
                let shares = constant(labels.iter().map(|label| label / sum).collect());
                -(shares * log_softmax(group, 0)).sum()
            }),
            Self::DistillKl { temperature } => self.over_groups(&logits, targets, |group, scores| {
                let teacher = log_probabilities(scores, temperature);
                let (shares, logs) =
                    (constant(teacher.iter().map(|log| log.exp()).collect()), constant(teacher.clone()));
                (shares * (logs - log_softmax(group / temperature, 0))).sum() * (temperature * temperature)
            }),
        }
    }

    fn over_groups(
        &self,
        logits: &Tensor<1>,
        targets: &Targets,
        of_group: impl Fn(Tensor<1>, &[f32]) -> Tensor<1>,
    ) -> Tensor<1> {
        let losses = targets.groups.iter().map(|group| {
            let values = targets.values.get(group.clone()).unwrap_or_default();
            of_group(logits.clone().slice([group.clone()]), values)
        });
        Tensor::cat(losses.collect(), 0).mean()
    }
}

fn log_probabilities(scores: &[f32], temperature: f32) -> Vec<f32> {
    let scaled: Vec<f32> = scores.iter().map(|score| score / temperature).collect();
    let largest = scaled.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = scaled.iter().map(|score| (score - largest).exp()).sum();
    scaled.iter().map(|score| score - largest - sum.ln()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(loss: Loss, logits: &[f32], values: &[f32], groups: &[Range<usize>]) -> f32 {
        let data = TensorData::new(logits.to_vec(), [logits.len()]);
        let targets = Targets { values: values.to_vec(), groups: groups.to_vec() };
        let found = loss.forward(Tensor::from_data(data, &crate::device::cpu()), &targets);
        found.into_data().try_into_vec_as::<f32>().unwrap()[0]
    }

    fn assert_close(found: f32, expected: f64) {
        assert!((f64::from(found) - expected).abs() < 1e-6 * expected.abs().max(1.0), "{found} against {expected}");
    }

    #[test]
    fn binary_cross_entropy_by_hand() {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let expected = -(0.7 * sigmoid(2.0).ln() + 0.3 * (1.0 - sigmoid(2.0)).ln());
        assert_close(loss(Loss::BinaryCrossEntropy { pos_weight: 1.0 }, &[2.0], &[0.7], &[]), expected);
        let weighted = -(4.0 * sigmoid(-1.0).ln() + (1.0 - sigmoid(0.5)).ln()) / 2.0;
        assert_close(loss(Loss::BinaryCrossEntropy { pos_weight: 4.0 }, &[-1.0, 0.5], &[1.0, 0.0], &[]), weighted);
    }

    #[test]
    fn listwise_by_hand() {
        let soft = |x: f64, all: &[f64]| x.exp() / all.iter().map(|x| x.exp()).sum::<f64>();
        let first = -soft(1.0, &[1.0, 0.0, -1.0]).ln();
        let second = -(soft(0.0, &[0.0, 2.0]).ln() + soft(2.0, &[0.0, 2.0]).ln()) / 2.0;
        let found = loss(Loss::Listwise, &[1.0, 0.0, -1.0, 0.0, 2.0], &[1.0, 0.0, 0.0, 1.0, 1.0], &[0..3, 3..5]);
        assert_close(found, (first + second) / 2.0);
    }

    #[test]
    fn distillation_by_hand() {
        assert_close(loss(Loss::DistillMse, &[1.0, 3.0], &[0.0, 5.0], &[]), 2.5);
        let kl = |temperature: f64| {
            let soft = |a: f64, b: f64| (a / temperature).exp() / ((a / temperature).exp() + (b / temperature).exp());
            let (p, q) = ([soft(2.0, 0.0), soft(0.0, 2.0)], [soft(1.0, 0.0), soft(0.0, 1.0)]);
            p.iter().zip(q).map(|(p, q)| p * (p / q).ln()).sum::<f64>() * temperature * temperature
        };
        for temperature in [1.0, 3.0] {
            let found = loss(
                Loss::DistillKl { temperature: temperature as f32 },
                &[1.0, 0.0],
                &[2.0, 0.0],
                std::slice::from_ref(&(0..2)),
            );
            assert_close(found, kl(temperature));
        }
        assert_close(
            loss(Loss::DistillKl { temperature: 1.0 }, &[7.0, 5.0], &[2.0, 0.0], std::slice::from_ref(&(0..2))),
            0.0,
        );
    }
}
