//! `crossrank split FILE --train OUT --holdout OUT`: parts training data by query, so that no query is on both sides. The
//! side of a query follows from the query and the seed alone: rows that are added later move nothing.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::queries::normalize;
use super::{files, jsonl};
use crate::error::{Code, Error, Result};

/// Arguments of `split`.
#[derive(Args, Clone, Debug)]
pub struct SplitArgs {
    /// Pairs or triplets, JSON Lines; every row has a query
    input: PathBuf,
    /// File to write with what a model may be trained on
    #[arg(long)]
    train: PathBuf,
    /// File to write with what is held out
    #[arg(long)]
    holdout: PathBuf,
    /// Share of the queries that is held out
    #[arg(long, default_value_t = 0.2, value_parser = share)]
    share: f64,
    /// Another seed holds out other queries
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

pub(super) fn split(args: &SplitArgs) -> Result<()> {
    let (mut train, mut holdout) = (Side::default(), Side::default());
    for row in jsonl::read::<Map<String, Value>>(&args.input)? {
        let Some(query) = row.value.get("query").and_then(Value::as_str) else {
            return Err(Error::new(Code::File, row.place, "has no query"));
        };
        let query = normalize(query);
        let side = if is_held_out(&query, args.seed, args.share) { &mut holdout } else { &mut train };
        side.add(query, &row.value)?;
    }
    files::write(&args.train, train.text.as_bytes())?;
    files::write(&args.holdout, holdout.text.as_bytes())?;
    println!("train: {train}; held out: {holdout}");
    Ok(())
}

/// Rows of one side.
#[derive(Default)]
struct Side {
    text: String,
    rows: usize,
    queries: HashSet<String>,
}

impl Side {
    fn add(&mut self, query: String, row: &Map<String, Value>) -> Result<()> {
        self.text += &serde_json::to_string(row)
            .map_err(|e| Error::new(Code::Internal, "row", "cannot be written").caused_by(e))?;
        self.text.push('\n');
        self.rows += 1;
        self.queries.insert(query);
        Ok(())
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows of {} queries", self.rows, self.queries.len())
    }
}

/// The first eight bytes of a hash, as a share of all that they can be.
fn is_held_out(query: &str, seed: u64, share: f64) -> bool {
    let digest = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(query).finalize();
    let first = digest.iter().take(8).fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
    (first as f64) < share * 2f64.powi(64)
}

fn share(text: &str) -> std::result::Result<f64, String> {
    let value = text.parse().ok().filter(|share: &f64| *share > 0.0 && *share < 1.0);
    value.ok_or_else(|| "expected a share above 0 and below 1".to_owned())
}
