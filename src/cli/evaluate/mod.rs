//! `crossrank evaluate`: how well a model orders the lists of a benchmark folder or of held-out triplets, against the
//! order before it, with intervals; and whether the figures can be believed (`trust.rs`).

mod bootstrap;
mod orders;
mod report;
mod trust;

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde_json::{Value, json};

use super::benchmark::{self, Case};
use super::metrics::{Metric, mean};
use super::model::load_model;
use super::triplets;
use crate::error::{Code, Error, Result};
use crate::rank::Reranker;
use crate::weights::Precision;
pub(super) use bootstrap::{Bootstrap, FEW_QUERIES, Interval};
use orders::{Blend, Orders};
pub(super) use orders::{logits, reranked};
use report::Values;
pub(super) use trust::{Fixed, Trained, fixed};

/// Queries of a benchmark folder that are read when the caller does not say.
const BENCHMARK_QUERIES: usize = 150;

/// Arguments of `evaluate`.
#[derive(Args, Clone, Debug)]
pub struct EvaluateArgs {
    /// Model folder: the project's own form, or a Hugging Face folder
    #[arg(long, default_value = "model")]
    model: PathBuf,
    /// Benchmark folders (queries.jsonl, corpus.jsonl, qrels.jsonl, candidates.jsonl), or JSON Lines files of held-out
    /// triplets (query, `positive_text`, `negative_texts`)
    #[arg(required = true)]
    benchmarks: Vec<PathBuf>,
    /// Queries of each benchmark, from the top of its file [default: 150 of a folder, all of a file of triplets]
    #[arg(long)]
    queries: Option<usize>,
    /// Candidates of each query that are reranked
    #[arg(long, default_value_t = 20)]
    candidates: usize,
    /// What is measured: mrr, ndcg, hit or recall over the first k, comma-separated
    #[arg(long, value_delimiter = ',', default_value = "mrr@10,ndcg@10,hit@1,recall@3")]
    metrics: Vec<Metric>,
    /// A file the model was trained on (rows with a query): no query of the benchmark may occur in it
    #[arg(long)]
    train: Vec<PathBuf>,
    #[command(flatten)]
    blend: Blend,
    #[command(flatten)]
    bootstrap: Bootstrap,
    /// Tokens of a pair at most [default: the model's]
    #[arg(long)]
    max_length: Option<usize>,
    /// int8 (the kernels) or f32 (burn's own operations)
    #[arg(long, default_value = "int8")]
    precision: String,
    /// Also list every query with its values of the first metric, the worst loss first (in JSON: of all metrics)
    #[arg(long)]
    per_query: bool,
    /// Print one JSON object a benchmark instead of a table
    #[arg(long)]
    json: bool,
}

pub(super) fn evaluate(args: &EvaluateArgs) -> Result<()> {
    let trained = Trained::read(&args.train)?;
    let reranker = load_model(&args.model, precision(&args.precision)?)?;
    let mut refused = Vec::new();
    for path in &args.benchmarks {
        let cases = cases(path, args.queries, args.candidates, args.bootstrap.seed)?;
        let verdict = Verdict::of(&cases, &args.metrics, &trained);
        measure(args, path, &cases, &reranker, &verdict)?;
        refused.extend(verdict.refusals);
    }
    if refused.is_empty() { Ok(()) } else { Err(Error::new(Code::Refused, "evaluate", refused.join("; "))) }
}

/// The lists of a benchmark folder or of a file of triplets.
pub(super) fn cases(path: &Path, queries: Option<usize>, candidates: usize, seed: u64) -> Result<Vec<Case>> {
    let cases = if path.is_dir() {
        benchmark::read(path, queries.unwrap_or(BENCHMARK_QUERIES), candidates)?
    } else {
        triplets::read(path, queries.unwrap_or(usize::MAX), candidates, seed)?
    };
    if cases.is_empty() { Err(Error::model(path.display().to_string(), "has no queries")) } else { Ok(cases) }
}

pub(super) fn precision(name: &str) -> Result<Precision> {
    Precision::from_name(name).ok_or_else(|| Error::new(Code::Option, "--precision", "expected int8 or f32"))
}

/// What the figures of a set must be read with, and why some may not be read at all.
struct Verdict {
    warnings: Vec<String>,
    refusals: Vec<String>,
}

impl Verdict {
    fn of(cases: &[Case], metrics: &[Metric], trained: &Trained) -> Self {
        let (mut warnings, mut refusals) = (Vec::new(), Vec::new());
        refusals.extend(trained.leak(cases));
        for metric in metrics {
            match fixed(*metric, cases) {
                Fixed::None => {}
                Fixed::Some(why) => warnings.push(why),
                Fixed::All(why) => refusals.push(why),
            }
        }
        if cases.len() < FEW_QUERIES {
            warnings.push(format!("{} queries are too few for an interval to be believed", cases.len()));
        }
        Self { warnings, refusals }
    }
}

fn measure(args: &EvaluateArgs, path: &Path, cases: &[Case], reranker: &Reranker, verdict: &Verdict) -> Result<()> {
    let started = Instant::now();
    let logits = logits(reranker, cases, args.max_length)?;
    let seconds = started.elapsed().as_secs_f64();
    let orders: Vec<_> =
        cases.iter().zip(&logits).map(|(case, logits)| Orders::of(case, logits, &args.blend)).collect();
    let all: Vec<_> = args.metrics.iter().map(|metric| Values::of(*metric, cases, &orders)).collect();
    let found: Vec<_> =
        cases.iter().map(|case| f64::from(u8::from(case.gains.iter().any(|gain| *gain > 0.0)))).collect();
    let ceiling = mean(&found);
    for warning in verdict.warnings.iter().chain(&verdict.refusals) {
        eprintln!("warning: {warning}");
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let Bootstrap { confidence, seed, .. } = args.bootstrap;
    if args.json {
        let mrr10 = Values::of(Metric::MRR_10, cases, &orders);
        let mut row = json!({
            "benchmark": name, "queries": cases.len(), "candidates": args.candidates, "max_length": args.max_length,
            "first_stage_mrr10": mean(&mrr10.base), "reranked_mrr10": mean(&mrr10.reranked),
            "ceiling": ceiling, "seconds": seconds, "confidence": confidence, "seed": seed,
            "metrics": report::metrics_json(&all, &args.bootstrap),
            "warnings": verdict.warnings, "refusals": verdict.refusals,
        });
        if let (true, Value::Object(fields)) = (args.per_query, &mut row) {
            fields.insert("per_query".to_owned(), report::per_query_json(&all, cases));
        }
        println!("{row}");
        return Ok(());
    }
    println!("{name}: {} queries, ceiling {ceiling:.3}, {seconds:.0} s", cases.len());
    print!("{}", report::table(&all, &args.bootstrap));
    if let (true, Some(values)) = (args.per_query, all.first()) {
        print!("{}", report::per_query_table(values, cases));
    }
    Ok(())
}
