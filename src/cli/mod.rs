//! Native commands: `quantize` makes the project's model form, `evaluate` measures a model on a benchmark
//! folder, `agree` compares int8 with f32 on one, `finetune` trains a model further.

mod agree;
mod benchmark;
mod evaluate;
mod files;
mod finetune;
mod manifest;
mod metrics;
mod model;
mod quantize;

pub use manifest::{FileEntry, Manifest, WeightsEntry};
pub use metrics::reciprocal_rank;
pub use model::load_model;
pub use quantize::{QuantizeArgs, quantize};

use clap::{Parser, Subcommand};

use crate::error::Result;
use agree::AgreeArgs;
use evaluate::EvaluateArgs;
use finetune::FinetuneArgs;

#[derive(Parser)]
#[command(name = "crossrank", version, about = "Native commands of the crossrank reranker")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the int8 form of a Hugging Face folder: shards, manifest, config and tokenizer
    Quantize(QuantizeArgs),
    /// How far int8 ranks like f32: correlation within lists, same first result
    Agree(AgreeArgs),
    /// MRR@10 of a model on a benchmark folder: the first stage's order against the reranked one
    Evaluate(EvaluateArgs),
    /// Train a cross-encoder further on pairs or triplets
    Finetune(FinetuneArgs),
}

/// Runs the command line's command.
///
/// # Errors
/// Whatever the command reports.
pub fn run() -> Result<()> {
    match Cli::parse().command {
        Command::Quantize(args) => quantize(&args),
        Command::Agree(args) => agree::agree(&args),
        Command::Evaluate(args) => evaluate::evaluate(&args),
        Command::Finetune(args) => finetune::finetune(&args),
    }
}
