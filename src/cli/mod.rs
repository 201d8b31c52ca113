//! Native commands: `quantize` makes the project's model form, `evaluate` measures a model, `agree` compares int8 with
//! f32. The learning loop: `mine` makes triplets from readers' feedback, `split` holds some out, `promote` puts a better
//! model in place, `finetune` trains one further.

mod agree;
mod benchmark;
mod evaluate;
mod files;
mod finetune;
mod jsonl;
mod manifest;
mod metrics;
mod mine;
mod model;
mod promote;
mod quantize;
mod queries;
mod random;
mod split;
mod triplets;

pub use manifest::{FileEntry, Manifest, WeightsEntry};
pub use metrics::reciprocal_rank;
pub use model::load_model;
pub use quantize::{QuantizeArgs, quantize};

use clap::{Parser, Subcommand};

use crate::error::Result;
use agree::AgreeArgs;
use evaluate::EvaluateArgs;
use finetune::FinetuneArgs;
use mine::MineArgs;
use promote::PromoteArgs;
use split::SplitArgs;

#[derive(Parser)]
#[command(name = "crossrank", version, about = "Native commands of the crossrank reranker")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

// One value a process, so the variants' sizes do not matter.
#[derive(Subcommand)]
#[allow(clippy::large_enum_variant)]
enum Command {
    /// Make the int8 form of a Hugging Face folder: shards, manifest, config and tokenizer
    Quantize(QuantizeArgs),
    /// How far int8 ranks like f32: correlation within lists, same first result
    Agree(AgreeArgs),
    /// How well a model orders the lists of a benchmark folder or of held-out triplets, with intervals
    Evaluate(EvaluateArgs),
    /// Triplets from an exported feedback log
    Mine(MineArgs),
    /// Part training data by query into what is trained on and what is held out
    Split(SplitArgs),
    /// Put a model in place of another one if it is better by a margin on held-out queries
    Promote(PromoteArgs),
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
        Command::Mine(args) => mine::mine(&args),
        Command::Split(args) => split::split(&args),
        Command::Promote(args) => promote::promote(&args),
        Command::Finetune(args) => finetune::finetune(&args),
    }
}
