//! `crossrank promote CANDIDATE CURRENT --holdout FILE`: puts a model in place of another one only if it orders held-out
//! lists better by a margin, with the whole interval of the difference. `place.rs` changes the folders.

mod place;

use std::path::PathBuf;

use clap::Args;

use super::benchmark::Case;
use super::evaluate::{self, Bootstrap, Fixed, Interval, Trained, fixed};
use super::metrics::Metric;
use super::model::load_model;
use crate::error::{Code, Error, Result};
use crate::weights::Precision;

/// Arguments of `promote`.
#[derive(Args, Clone, Debug)]
pub struct PromoteArgs {
    /// Folder of the new model, in the project's own form
    candidate: PathBuf,
    /// Folder that is served, in the project's own form; it is replaced whole, and kept as CURRENT.previous
    current: PathBuf,
    /// Held-out triplets (JSON Lines), or a benchmark folder; several are one set of queries
    #[arg(long, required = true)]
    holdout: Vec<PathBuf>,
    /// A file the candidate was trained on (rows with a query): no held-out query may occur in it
    #[arg(long)]
    train: Vec<PathBuf>,
    /// What must be better
    #[arg(long, default_value = "mrr@10")]
    metric: Metric,
    /// By how much: the lower end of the difference's interval must reach it
    #[arg(long, default_value_t = 0.01, value_parser = margin)]
    margin: f64,
    /// Fewer held-out queries decide nothing
    #[arg(long, default_value_t = evaluate::FEW_QUERIES)]
    min_queries: usize,
    /// Queries of each held-out set [default: 150 of a folder, all of a file of triplets]
    #[arg(long)]
    queries: Option<usize>,
    /// Candidates of each query
    #[arg(long, default_value_t = 20)]
    candidates: usize,
    #[command(flatten)]
    bootstrap: Bootstrap,
    /// Tokens of a pair at most [default: the model's]
    #[arg(long)]
    max_length: Option<usize>,
    /// int8 (as it is served) or f32
    #[arg(long, default_value = "int8")]
    precision: String,
    /// Decide, but leave the folders as they are
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn promote(args: &PromoteArgs) -> Result<()> {
    let refused = |reasons: &[String]| Err(Error::new(Code::Refused, "promote", reasons.join("; ")));
    let precision = evaluate::precision(&args.precision)?;
    let candidate = place::Model::read(&args.candidate)?;
    let current = place::Model::read(&args.current)?;
    if candidate.same_files(&current) {
        return refused(&["the candidate is the model that is in place".to_owned()]);
    }
    let mut cases = Vec::new();
    for path in &args.holdout {
        cases.extend(evaluate::cases(path, args.queries, args.candidates, args.bootstrap.seed)?);
    }
    let reasons = args.unusable(&cases)?;
    if !reasons.is_empty() {
        return refused(&reasons);
    }
    if args.train.is_empty() {
        eprintln!("warning: no --train file was given, so nobody has looked whether held-out queries were trained on");
    }
    let comparison = args.compare(&cases, precision)?;
    let reason = comparison.reason(args);
    let previous = match reason {
        None if !args.dry_run => Some(place::put_in_place(&candidate, &current)?),
        _ => None,
    };
    comparison.print(args, reason.as_deref(), previous);
    reason.map_or(Ok(()), |reason| refused(&[reason]))
}

impl PromoteArgs {
    /// Why the held-out set can decide nothing.
    fn unusable(&self, cases: &[Case]) -> Result<Vec<String>> {
        let mut reasons = Vec::new();
        if cases.len() < self.min_queries {
            let (count, least) = (cases.len(), self.min_queries);
            reasons.push(format!("{count} held-out queries are too few, {least} are needed (--min-queries)"));
        }
        reasons.extend(Trained::read(&self.train)?.leak(cases));
        match fixed(self.metric, cases) {
            Fixed::All(why) => reasons.push(why),
            Fixed::Some(why) => eprintln!("warning: {why}"),
            Fixed::None => {}
        }
        Ok(reasons)
    }

    fn compare(&self, cases: &[Case], precision: Precision) -> Result<Comparison> {
        let values = |folder: &PathBuf| -> Result<Vec<f64>> {
            let logits = evaluate::logits(&load_model(folder, precision)?, cases, self.max_length)?;
            let lists = cases.iter().zip(&logits);
            Ok(lists.map(|(case, logits)| self.metric.of(&evaluate::reranked(case, logits), &case.relevant)).collect())
        };
        let (current, candidate) = (values(&self.current)?, values(&self.candidate)?);
        let differences: Vec<_> = candidate.iter().zip(&current).map(|(new, old)| new - old).collect();
        Ok(Comparison {
            queries: cases.len(),
            current: self.bootstrap.interval(&current),
            candidate: self.bootstrap.interval(&candidate),
            difference: self.bootstrap.interval(&differences),
            better: differences.iter().filter(|difference| **difference > 0.0).count(),
            worse: differences.iter().filter(|difference| **difference < 0.0).count(),
        })
    }
}

/// Both models on the same lists.
struct Comparison {
    queries: usize,
    current: Interval,
    candidate: Interval,
    difference: Interval,
    better: usize,
    worse: usize,
}

impl Comparison {
    /// Why the candidate is not put in place.
    fn reason(&self, args: &PromoteArgs) -> Option<String> {
        let Interval { mean, low, high } = self.difference;
        let percent = 100.0 * args.bootstrap.confidence;
        // With a margin of 0 it must still be better, not only no worse.
        (low < args.margin || low <= 0.0).then(|| {
            format!(
                "{} differs by {mean:+.3}, {percent:.0} % interval {low:+.3} to {high:+.3}: the lower end does not reach \
                 the margin of {:+.3}",
                args.metric, args.margin
            )
        })
    }

    fn print(&self, args: &PromoteArgs, reason: Option<&str>, previous: Option<PathBuf>) {
        let Self { queries, current, candidate, difference, better, worse } = self;
        let previous = previous.map(|path| path.display().to_string());
        if args.json {
            let row = serde_json::json!({
                "metric": args.metric.to_string(), "queries": queries, "margin": args.margin,
                "confidence": args.bootstrap.confidence, "seed": args.bootstrap.seed,
                "current": current, "candidate": candidate, "difference": difference, "better": better, "worse": worse,
                "promoted": previous.is_some(), "previous": previous, "reason": reason,
            });
            println!("{row}");
            return;
        }
        let line = |name: &str, Interval { mean, low, high }: &Interval| {
            println!("  {name:10} {mean:+.3}   {low:+.3} to {high:+.3}");
        };
        println!("{} of {queries} queries, {:.0} % intervals", args.metric, 100.0 * args.bootstrap.confidence);
        line("current", current);
        line("candidate", candidate);
        line("difference", difference);
        println!("  {better} better, {worse} worse");
        match (previous, reason) {
            (Some(previous), _) => {
                println!("{} is replaced; what it was is in {previous}", args.current.display());
            }
            (None, None) => println!("better by the margin; nothing is changed (--dry-run)"),
            (None, Some(_)) => {}
        }
    }
}

fn margin(text: &str) -> std::result::Result<f64, String> {
    let value = text.parse().ok().filter(|margin: &f64| (0.0..1.0).contains(margin));
    value.ok_or_else(|| "expected a number from 0 to below 1".to_owned())
}
