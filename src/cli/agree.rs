//! `crossrank agree`: how far int8 ranks like f32 on the lists of benchmark folders.
//!
//! The quantised weights of a folder of our own decode to what they are, not to what they were made from: their own error
//! shows only against `--reference`.

use std::path::PathBuf;

use clap::Args;

use super::benchmark::{self, Case};
use super::metrics::{mean, spearman};
use super::model::load_model;
use crate::error::Result;
use crate::rank::{Activation, Reranker, order};
use crate::weights::Precision;

/// Arguments of `agree`.
#[derive(Args, Clone, Debug)]
pub struct AgreeArgs {
    /// Model folder: the project's own form, or a Hugging Face folder
    #[arg(long, default_value = "model")]
    model: PathBuf,
    /// Folder of the weights that f32 computes with, such as those that the model was quantised from [default: the model's
    /// own]
    #[arg(long)]
    reference: Option<PathBuf>,
    /// Benchmark folders, as for evaluate
    #[arg(required = true)]
    benchmarks: Vec<PathBuf>,
    /// Queries of each benchmark, from the top of its file
    #[arg(long, default_value_t = 50)]
    queries: usize,
    /// Candidates of each query
    #[arg(long, default_value_t = 20)]
    candidates: usize,
}

pub(super) fn agree(args: &AgreeArgs) -> Result<()> {
    let int8 = load_model(&args.model, Precision::Int8)?;
    let f32 = load_model(args.reference.as_ref().unwrap_or(&args.model), Precision::F32)?;
    println!("benchmark            pairs  Spearman  same first  mean difference  largest difference");
    for folder in &args.benchmarks {
        let cases = benchmark::read(folder, args.queries, args.candidates)?;
        let (mut correlations, mut same_first, mut differences) = (Vec::new(), Vec::new(), Vec::new());
        for case in &cases {
            let (ours, exact) = (logits(&int8, case)?, logits(&f32, case)?);
            correlations.push(spearman(&ours, &exact));
            same_first.push(f64::from(u8::from(order(&ours, Some(1)) == order(&exact, Some(1)))));
            differences.extend(ours.iter().zip(&exact).map(|(a, b)| f64::from((a - b).abs())));
        }
        let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy();
        let (pairs, largest) = (differences.len(), differences.iter().copied().fold(0.0, f64::max));
        let (correlation, first, difference) = (mean(&correlations), mean(&same_first), mean(&differences));
        println!("{name:20} {pairs:5}  {correlation:8.4}  {first:10.3}  {difference:15.4}  {largest:18.4}");
    }
    Ok(())
}

fn logits(reranker: &Reranker, case: &Case) -> Result<Vec<f32>> {
    let pairs: Vec<_> = case.documents.iter().map(|document| (case.query.as_str(), document.as_str())).collect();
    pollster::block_on(reranker.predict(&pairs, Some(Activation::Identity), None))
}
