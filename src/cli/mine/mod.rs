//! `crossrank mine LOG --out FILE`: training triplets from what readers did, as `FeedbackLog.export()` of the browser
//! package writes it. `rules.rs` has the rules; docs/feedback.md defines both files.

mod log;
mod rules;

use std::path::PathBuf;

use clap::Args;

use super::{files, jsonl};
use crate::error::{Code, Error, Result};
use rules::Rules;

/// Arguments of `mine`.
#[derive(Args, Clone, Debug)]
pub struct MineArgs {
    /// The exported log, JSON Lines; several are read one after the other
    #[arg(required = true)]
    logs: Vec<PathBuf>,
    /// The file of triplets to write, replaced if it exists
    #[arg(long)]
    out: PathBuf,
    /// Negatives of a triplet at most
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..))]
    negatives: u8,
    /// Take no negative that was clicked or marked relevant too
    #[arg(long)]
    spare_liked: bool,
}

pub(super) fn mine(args: &MineArgs) -> Result<()> {
    let mut events = Vec::new();
    for log in &args.logs {
        events.extend(jsonl::read(log)?);
    }
    let rules = Rules { negatives: args.negatives.into(), spare_liked: args.spare_liked };
    let mined = rules.mine(events)?;
    let mut text = String::new();
    for triplet in &mined.triplets {
        let row = serde_json::to_string(triplet)
            .map_err(|e| Error::new(Code::Internal, "triplet", "cannot be written").caused_by(e))?;
        text += &row;
        text.push('\n');
    }
    files::write(&args.out, text.as_bytes())?;
    println!("{mined}");
    Ok(())
}
