//! `--folds K`: trains K times without one part of the queries and evaluates on that part, so that every query is held out
//! once. The models of the folds are not kept; the last training is on all data.

use super::args::FinetuneArgs;
use super::checkpoint::make;
use super::job::Job;
use super::output::read_changes;
use super::report::Change;
use super::run::{self, Stop};
use crate::error::Result;

/// Runs the folds that are not done; the ranks of all. None if there are no folds.
pub(super) fn run(args: &FinetuneArgs, stop: &Stop) -> Result<Option<Vec<Change>>> {
    if args.folds == 0 {
        return Ok(None);
    }
    let mut changes = Vec::new();
    for part in 0..args.folds {
        let out = args.out.join(format!("fold-{part}"));
        let ranks = out.join("held-out.jsonl");
        if !(args.resume && ranks.exists()) {
            eprintln!("fold {} of {}", part + 1, args.folds);
            make(&args.out)?;
            let fold = FinetuneArgs {
                folds: 0,
                holdout_share: Some(1.0 / args.folds as f64),
                holdout_part: part,
                ..args.clone()
            };
            if let Some(job) = Job::read(&fold, &out)? {
                run::run(&job, stop)?.finish_fold(&ranks)?;
            }
        }
        changes.extend(read_changes(&ranks)?);
    }
    Ok(Some(changes))
}
