//! One training step after the other: forward, backward, clip, AdamW.

use burn::module::Module;
use burn::tensor::Tensor;

use super::loss::{Loss, Targets};
use super::ops::mixed;
use super::optimizer::{AdamW, Moments, Schedule, clip_factor, sum_of_squares};
use super::parameters::{NamedTensor, Parameters, changed, frozen, take_gradients};
use super::pass::Training;
use crate::config::ModelConfig;
use crate::device::Device;
use crate::error::{Code, Error, Result};
use crate::model::{CrossEncoder, PackedBatch};
use crate::tokenize::EncodedPair;
use crate::weights::Tensors;

/// The number of the word embeddings among the parameters.
const WORDS: usize = 0;

/// How a model is trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// What is made smaller.
    pub loss: Loss,
    /// How weights move.
    pub optimizer: AdamW,
    /// How far they move.
    pub schedule: Schedule,
    /// The norm of all gradients together is at most this.
    pub largest_norm: f64,
    /// Share of values that dropout drops, 0 to below 1.
    pub dropout: f32,
    /// What dropout's masks are made from.
    pub seed: u64,
    /// Whether the embeddings stay as they are.
    pub freeze_embeddings: bool,
    /// The word that pads, whose embedding has no gradient, as torch's `padding_idx`. Texts can hold it: `[PAD]`.
    pub padding_id: Option<usize>,
}

/// Sequences that go through the model together, with what their logits are compared with.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The sequences.
    pub pairs: Vec<EncodedPair>,
    /// For each of them.
    pub targets: Targets,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The batch's loss before the step.
    pub loss: f64,
    /// Norm of all gradients together, before clipping.
    pub gradient_norm: f64,
    /// The learning rate.
    pub rate: f64,
}

/// A model in training.
#[derive(Debug)]
pub struct Trainer {
    settings: Settings,
    parameters: Parameters,
    model: CrossEncoder,
    epsilon: f64,
    hidden_size: usize,
    moments: Vec<Moments>,
    done: usize,
}

impl Trainer {
    /// Puts a model in f32 on `device` with autodiff.
    ///
    /// # Errors
    /// `OPTION` if the tensors are not in f32 precision; `INTERNAL` if one is missing.
    pub fn new(config: &ModelConfig, tensors: Tensors, device: &Device, settings: Settings) -> Result<Self> {
        if tensors.precision() != crate::Precision::F32 {
            return Err(Error::new(Code::Option, "precision", "a model is trained in f32"));
        }
        let parameters = Parameters::new(config);
        let mut model = CrossEncoder::new(config, tensors, &device.clone().autodiff())?;
        if settings.freeze_embeddings {
            model = frozen(model, |index| parameters.is_embedding(index));
        }
        let moments = vec![Moments::default(); parameters.len()];
        let (epsilon, hidden_size) = (config.layer_norm_eps, config.hidden_size);
        Ok(Self { settings, parameters, model, epsilon, hidden_size, moments, done: 0 })
    }

    /// Steps made.
    #[must_use]
    pub const fn done(&self) -> usize {
        self.done
    }

    /// How the model is trained.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// One step over `batches`, whose gradients are added up, each weighed by its share of the pairs (or groups): as if
    /// they were one batch.
    ///
    /// # Errors
    /// `NON_FINITE` if the loss or a gradient is not a finite number; the weights are then as before.
    pub fn step(&mut self, batches: &[Batch]) -> Result<Step> {
        let (loss, gradients) = self.gradients_of(batches)?;
        let squares: f64 = gradients.iter().flatten().map(|gradient| sum_of_squares(gradient)).sum();
        let gradient_norm = squares.sqrt();
        if !gradient_norm.is_finite() {
            let message = format!("the gradients' norm is {gradient_norm} in step {}", self.done + 1);
            return Err(Error::new(Code::NonFinite, "training", message));
        }
        let rate = self.settings.schedule.rate(self.done);
        let clip = clip_factor(gradient_norm, self.settings.largest_norm);
        let (optimizer, moments, step) = (self.settings.optimizer, &mut self.moments, self.done + 1);
        self.model = changed(self.model.clone(), |index, weights| {
            if let (Some(Some(gradient)), Some(moments)) = (gradients.get(index), moments.get_mut(index)) {
                optimizer.update(weights, gradient, clip, moments, step, rate);
            }
        });
        self.done += 1;
        Ok(Step { loss, gradient_norm, rate })
    }

    /// The gradients of every parameter, in file layout; those that are frozen are left out.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn gradients(&self, batches: &[Batch]) -> Result<Vec<NamedTensor>> {
        let (_, gradients) = self.gradients_of(batches)?;
        let mut named = Vec::new();
        let zeros = |index: usize| vec![0.0; self.parameters.size(index)];
        let present: Vec<bool> = gradients.iter().map(Option::is_some).collect();
        let all = gradients.into_iter().enumerate().map(|(index, values)| values.unwrap_or_else(|| zeros(index)));
        for (tensor, present) in self.parameters.in_file_layout(all.collect())?.into_iter().zip(present) {
            if present {
                named.push(tensor);
            }
        }
        Ok(named)
    }

    /// The loss of `batch` without dropout, and its logits.
    ///
    /// # Errors
    /// `NON_FINITE` if the loss is not a finite number.
    pub fn evaluate(&self, batch: &Batch) -> Result<(f64, Vec<f32>)> {
        let logits = self.model.valid().forward(&PackedBatch::pack(&batch.pairs));
        let loss = value_of(self.settings.loss.forward(logits.clone(), &batch.targets))?;
        Ok((loss, host(logits)?))
    }

    /// The logits of `pairs`, without dropout.
    ///
    /// # Errors
    /// `INTERNAL` if the device cannot be read.
    pub fn logits(&self, pairs: &[EncodedPair]) -> Result<Vec<f32>> {
        host(self.model.valid().forward(&PackedBatch::pack(pairs)))
    }

    /// The weights as a file holds them.
    ///
    /// # Errors
    /// `INTERNAL` if the module is not what its configuration says.
    pub fn weights(&self) -> Result<Vec<NamedTensor>> {
        self.parameters.named(&self.model)
    }

    /// First and second moments of each parameter, by its name; empty before the first step.
    pub fn moments(&self) -> impl Iterator<Item = (&str, [&[f32]; 2])> {
        let moments = self.moments.iter().enumerate();
        moments.map(|(index, moments)| (self.parameters.name(index), [moments.first.as_slice(), &moments.second]))
    }

    /// Goes on where another run was after `done` steps. The model must have been made from that run's weights.
    /// `moments` is asked for each parameter's moments by its name.
    ///
    /// # Errors
    /// What `moments` reports; `MODEL_INVALID` if a length is not that of the parameter.
    pub fn resume(&mut self, done: usize, mut moments: impl FnMut(&str) -> Result<[Vec<f32>; 2]>) -> Result<()> {
        for (index, own) in self.moments.iter_mut().enumerate() {
            let name = self.parameters.name(index);
            let [first, second] = moments(name)?;
            let fits = |values: &[f32]| values.is_empty() || values.len() == self.parameters.size(index);
            if first.len() != second.len() || !fits(&first) {
                return Err(Error::model(name, "moments of another length than the parameter"));
            }
            *own = Moments { first, second };
        }
        self.done = done;
        Ok(())
    }

    fn gradients_of(&self, batches: &[Batch]) -> Result<(f64, Vec<Option<Vec<f32>>>)> {
        let weight = |batch: &Batch| match self.settings.loss.is_over_groups() {
            true => batch.targets.groups.len(),
            false => batch.pairs.len(),
        };
        let all: usize = batches.iter().map(weight).sum();
        let (mut loss, mut sum) = (0.0, Vec::new());
        for (part, batch) in (0_u64..).zip(batches) {
            let share = weight(batch) as f64 / all as f64;
            let seed = mixed(self.settings.seed) ^ mixed(((self.done as u64) << 20) + part);
            let pass = Training::new(self.settings.dropout, seed, self.epsilon);
            let logits = self.model.forward_as(&PackedBatch::pack(&batch.pairs), &pass);
            let part_loss = self.settings.loss.forward(logits, &batch.targets);
            loss += share * value_of(part_loss.clone())?;
            let part_loss = if batches.len() > 1 { part_loss * share as f32 } else { part_loss };
            let mut gradients = take_gradients(&self.model, part_loss.backward());
            if let (Some(id), Some(Some(words))) = (self.settings.padding_id, gradients.get_mut(WORDS)) {
                words.chunks_exact_mut(self.hidden_size).skip(id).take(1).for_each(|row| row.fill(0.0));
            }
            add(&mut sum, gradients);
        }
        Ok((loss, sum))
    }
}

fn host(values: Tensor<1>) -> Result<Vec<f32>> {
    let values = values.into_data().try_into_vec_as::<f32>();
    values.map_err(|e| Error::new(Code::Internal, "device", format!("values are not floats: {e:?}")))
}

fn value_of(loss: Tensor<1>) -> Result<f64> {
    let value = host(loss)?.first().copied().map_or(f64::NAN, f64::from);
    if !value.is_finite() {
        return Err(Error::new(Code::NonFinite, "training", format!("the loss is {value}")));
    }
    Ok(value)
}

fn add(sum: &mut Vec<Option<Vec<f32>>>, gradients: Vec<Option<Vec<f32>>>) {
    if sum.is_empty() {
        *sum = gradients;
        return;
    }
    for (sum, gradient) in sum.iter_mut().flatten().zip(gradients.iter().flatten()) {
        sum.iter_mut().zip(gradient).for_each(|(sum, value)| *sum += value);
    }
}
