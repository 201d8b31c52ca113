//! Fine-tuning, natively: the f32 encoder under burn's autodiff, on the CPU.
//!
//! From data to weights: [`data`] reads JSONL and says what is wrong with it, line by line; [`plan`] orders it into
//! batches; [`Trainer`] runs a batch forward and backward ([`Loss`], `pass`, `ops`) and moves the weights (`optimizer`);
//! `parameters` is the one place that knows which tensor of the module has which Hugging Face name. Everything random
//! comes from the seed and the number of the step, so that a resumed run repeats an uninterrupted one.
//! `cli::finetune` is the command around it: files, checkpoints, evaluation, progress.

pub mod data;
mod loss;
mod ops;
mod optimizer;
mod parameters;
mod pass;
pub mod plan;
mod trainer;

pub use loss::{Loss, Targets};
pub use optimizer::{AdamW, Schedule};
pub use parameters::NamedTensor;
pub use trainer::{Batch, Settings, Step, Trainer};
