//! Native commands: `quantize` makes the project's model form, `evaluate` measures a model, `agree` compares int8 with
//! f32. The learning loop: `mine` makes triplets from readers' feedback, `split` holds some out, `promote` puts a better
//! model in place.

mod agree;
mod benchmark;
mod evaluate;
mod files;
mod jsonl;
mod manifest;
mod metrics;
mod model;
mod quantize;
mod queries;
mod random;
mod triplets;

pub use manifest::{FileEntry, Manifest, WeightsEntry};
pub use metrics::reciprocal_rank;
pub use model::load_model;
pub use quantize::{QuantizeArgs, quantize};

use clap::{Parser, Subcommand};

use crate::error::Result;
use agree::AgreeArgs;
use evaluate::EvaluateArgs;

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
    /// How well a model orders the lists of a benchmark folder or of held-out triplets, with intervals
    Evaluate(EvaluateArgs),
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
    }
}
