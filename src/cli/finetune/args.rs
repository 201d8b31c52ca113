//! The options of `crossrank finetune`. Defaults are those of sentence-transformers' trainer, as in the model card that
//! the command's own card follows.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::error::{Code, Error, Result};
use crate::limits;
use crate::train::{AdamW, Loss};

/// Arguments of `finetune`.
#[derive(Args, Clone, Debug, serde::Serialize)]
pub struct FinetuneArgs {
    /// Model to start from: a Hugging Face folder (f32, f16 or bf16), or a folder in the project's int8 form, whose weights are dequantised
    #[arg(long)]
    pub base: PathBuf,
    /// Training data: JSONL of {query, text, label} or {query, positive_text, negative_texts}, both with `teacher` where a teacher is distilled
    #[arg(long)]
    pub data: PathBuf,
    /// Folder to write
    #[arg(long)]
    pub out: PathBuf,
    /// Files of the same form to evaluate on; training data with the same queries is left out
    #[arg(long, num_args = 1..)]
    pub holdout: Vec<PathBuf>,
    /// Share of the data's queries to keep out of training and to evaluate on
    #[arg(long, conflicts_with = "holdout")]
    pub holdout_share: Option<f64>,
    /// Which of the 1 / SHARE parts of the queries is held out, from 0
    #[arg(long, default_value_t = 0, requires = "holdout_share")]
    pub holdout_part: usize,
    /// Before the training on all data, train this many times on all but one part of the queries and evaluate on that part, so that every query is held out once
    #[arg(long, default_value_t = 0, conflicts_with_all = ["holdout", "holdout_share"])]
    pub folds: usize,
    /// What is made smaller
    #[arg(long, value_enum, default_value_t = LossName::Bce)]
    pub loss: LossName,
    /// What positive labels weigh against negative ones (bce)
    #[arg(long, default_value_t = 1.0)]
    pub pos_weight: f32,
    /// Divides logits and teacher scores (kl)
    #[arg(long, default_value_t = 1.0)]
    pub temperature: f32,
    /// Times that all data is trained on
    #[arg(long, default_value_t = 1)]
    pub epochs: usize,
    /// Pairs of a batch; listwise and kl fill it with whole groups
    #[arg(long, default_value_t = 16)]
    pub batch: usize,
    /// Batches whose gradients make one step
    #[arg(long, default_value_t = 1)]
    pub accumulate: usize,
    /// Highest learning rate; it falls to 0 linearly
    #[arg(long, default_value_t = 5e-5)]
    pub lr: f64,
    /// Share of the steps over which the learning rate rises first
    #[arg(long, default_value_t = 0.0)]
    pub warm_up: f64,
    /// AdamW's weight decay
    #[arg(long, default_value_t = 0.0)]
    pub weight_decay: f64,
    /// Largest norm of all gradients together
    #[arg(long, default_value_t = 1.0)]
    pub clip: f64,
    /// Seed of the order and of dropout
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// Tokens of a pair at most [default: 512, or the model's if that is less]
    #[arg(long)]
    pub max_length: Option<usize>,
    /// Share of values that dropout drops
    #[arg(long, default_value_t = 0.1)]
    pub dropout: f32,
    /// Keep the embeddings as they are
    #[arg(long)]
    pub freeze_embeddings: bool,
    /// Make batches of pairs of about the same length
    #[arg(long)]
    pub length_buckets: bool,
    /// Evaluate every so many steps [default: before the first and after the last]
    #[arg(long, default_value_t = 0)]
    pub evaluate_every: usize,
    /// Save a checkpoint every so many steps
    #[arg(long, default_value_t = 100)]
    #[serde(skip)]
    pub save_every: usize,
    /// Go on with the unfinished run in the output folder
    #[arg(long)]
    #[serde(skip)]
    pub resume: bool,
    /// Save a checkpoint after this many steps of the run and stop
    #[arg(long)]
    #[serde(skip)]
    pub stop_after: Option<usize>,
    /// Threads [default: the machine's]
    #[arg(long)]
    #[serde(skip)]
    pub threads: Option<usize>,
    /// Name of the model [default: the output folder's name]
    #[arg(long)]
    #[serde(skip)]
    pub id: Option<String>,
    /// Licence of the weights, an SPDX expression [default: the base's, if its manifest has one]
    #[arg(long)]
    #[serde(skip)]
    pub license: Option<String>,
}

/// A loss by its short name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LossName {
    /// Binary cross-entropy of each pair against its label
    Bce,
    /// Softmax cross-entropy over the documents of a query
    Listwise,
    /// Mean squared error against the teacher's scores
    Mse,
    /// Kullback-Leibler divergence from the teacher, over the documents of a query
    Kl,
}

impl FinetuneArgs {
    pub(super) const fn loss(&self) -> Loss {
        match self.loss {
            LossName::Bce => Loss::BinaryCrossEntropy { pos_weight: self.pos_weight },
            LossName::Listwise => Loss::Listwise,
            LossName::Mse => Loss::DistillMse,
            LossName::Kl => Loss::DistillKl { temperature: self.temperature },
        }
    }

    pub(super) const fn optimizer(&self) -> AdamW {
        AdamW { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8, weight_decay: self.weight_decay }
    }

    /// Parts that the queries are split into for `--holdout-share`.
    pub(super) fn parts(&self) -> Option<usize> {
        self.holdout_share.map(|share| (1.0 / share).round() as usize)
    }

    pub(super) fn check(&self) -> Result<()> {
        let above_0 = |value: f64| value.is_finite() && value > 0.0;
        let share = |value: f64| (0.0..1.0).contains(&value);
        let checks = [
            ("--epochs", (1..=10_000).contains(&self.epochs), "is a number from 1 to 10,000"),
            ("--batch", (1..=limits::MAX_PAIRS).contains(&self.batch), "is a number from 1 to 10,000"),
            ("--accumulate", (1..=10_000).contains(&self.accumulate), "is a number from 1 to 10,000"),
            ("--lr", above_0(self.lr), "is above 0"),
            ("--clip", above_0(self.clip), "is above 0"),
            ("--pos-weight", above_0(self.pos_weight.into()), "is above 0"),
            ("--temperature", above_0(self.temperature.into()), "is above 0"),
            ("--warm-up", share(self.warm_up), "is a share, from 0 to below 1"),
            ("--weight-decay", share(self.weight_decay), "is from 0 to below 1"),
            ("--dropout", share(self.dropout.into()), "is a share, from 0 to below 1"),
            (
                "--holdout-share",
                self.holdout_share.is_none_or(|share| (0.001..=0.5).contains(&share)),
                "is a share, from 0.001 to 0.5",
            ),
            (
                "--holdout-part",
                self.parts().is_none_or(|parts| self.holdout_part < parts),
                "is below 1 / --holdout-share",
            ),
            ("--folds", self.folds != 1 && self.folds <= 100, "is 0 or a number from 2 to 100"),
            ("--save-every", self.save_every > 0, "is above 0"),
            ("--threads", self.threads != Some(0), "is above 0"),
        ];
        match checks.into_iter().find(|(_, fits, _)| !fits) {
            Some((option, _, expected)) => Err(Error::new(Code::Option, option, expected)),
            None => Ok(()),
        }
    }
}
