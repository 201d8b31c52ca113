//! `crossrank evaluate`: MRR@10 of the first stage's order and of the reranked order, on a benchmark folder.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use clap::Args;

use super::benchmark::{self, Case};
use super::metrics::{mean, reciprocal_rank};
use super::model::load_model;
use crate::error::{Code, Error, Result};
use crate::rank::Reranker;
use crate::weights::Precision;

const K: usize = 10;

/// Arguments of `evaluate`.
#[derive(Args, Clone, Debug)]
pub struct EvaluateArgs {
    /// Model folder: the project's own form, or a Hugging Face folder
    #[arg(long, default_value = "model")]
    model: PathBuf,
    /// Benchmark folders with queries.jsonl, corpus.jsonl, qrels.jsonl and candidates.jsonl
    #[arg(required = true)]
    benchmarks: Vec<PathBuf>,
    /// Queries of each benchmark, from the top of its file
    #[arg(long, default_value_t = 150)]
    queries: usize,
    /// Candidates of each query that are reranked
    #[arg(long, default_value_t = 20)]
    candidates: usize,
    /// Tokens of a pair at most [default: the model's]
    #[arg(long)]
    max_length: Option<usize>,
    /// int8 (the kernels) or f32 (burn's own operations)
    #[arg(long, default_value = "int8")]
    precision: String,
    /// Print one JSON object a benchmark instead of a table
    #[arg(long)]
    json: bool,
}

pub(super) fn evaluate(args: &EvaluateArgs) -> Result<()> {
    let precision = Precision::from_name(&args.precision)
        .ok_or_else(|| Error::new(Code::Option, "--precision", "expected int8 or f32"))?;
    let reranker = load_model(&args.model, precision)?;
    if !args.json {
        println!("benchmark            queries  first stage MRR@{K}  reranked MRR@{K}  ceiling  seconds");
    }
    for folder in &args.benchmarks {
        let cases = benchmark::read(folder, args.queries, args.candidates)?;
        let started = Instant::now();
        let reranked = mean(&rerank_all(&reranker, &cases, args.max_length)?);
        let seconds = started.elapsed().as_secs_f64();
        let first_stage = mean(&over(&cases, |case| reciprocal_rank(case.relevant.iter().copied(), K)));
        let ceiling = mean(&over(&cases, |case| f64::from(u8::from(case.relevant.contains(&true)))));
        let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy();
        if args.json {
            let row = serde_json::json!({
                "benchmark": name, "queries": cases.len(), "candidates": args.candidates, "max_length": args.max_length,
                "first_stage_mrr10": first_stage, "reranked_mrr10": reranked, "ceiling": ceiling, "seconds": seconds,
            });
            println!("{row}");
        } else {
            let count = cases.len();
            println!("{name:20} {count:7}  {first_stage:18.3}  {reranked:15.3}  {ceiling:7.3}  {seconds:7.0}");
        }
    }
    Ok(())
}

fn over(cases: &[Case], metric: impl Fn(&Case) -> f64) -> Vec<f64> {
    cases.iter().map(metric).collect()
}

/// Reciprocal rank of every case after reranking. Queries are shared out over the machine's cores.
fn rerank_all(reranker: &Reranker, cases: &[Case], max_length: Option<usize>) -> Result<Vec<f64>> {
    let workers = thread::available_parallelism().map_or(1, NonZero::get).min(cases.len().max(1));
    let done = AtomicUsize::new(0);
    let started = Instant::now();
    let results = thread::scope(|scope| {
        let handles: Vec<_> = (0..workers)
            .map(|worker| {
                let (done, started) = (&done, &started);
                scope.spawn(move || {
                    let mine = cases.iter().skip(worker).step_by(workers);
                    mine.map(|case| {
                        let result = rerank(reranker, case, max_length);
                        report(done.fetch_add(1, Ordering::Relaxed) + 1, cases.len(), started);
                        result
                    })
                    .collect::<Result<Vec<f64>>>()
                })
            })
            .collect();
        handles.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    eprintln!();
    let mut all = Vec::with_capacity(cases.len());
    for result in results {
        all.extend(result.map_err(|_| Error::new(Code::Internal, "evaluate", "a thread ended early"))??);
    }
    Ok(all)
}

fn rerank(reranker: &Reranker, case: &Case, max_length: Option<usize>) -> Result<f64> {
    let documents: Vec<&str> = case.documents.iter().map(String::as_str).collect();
    let ranked = pollster::block_on(reranker.rank(&case.query, &documents, None, max_length))?;
    Ok(reciprocal_rank(ranked.iter().map(|r| case.relevant.get(r.index).copied().unwrap_or_default()), K))
}

fn report(done: usize, all: usize, started: &Instant) {
    let seconds = started.elapsed().as_secs_f64();
    let left = seconds / done as f64 * (all - done) as f64;
    eprint!("\r{done}/{all} queries, {seconds:.0} s, about {left:.0} s left   ");
}
