//! Forward passes of the default model, native, one thread: `cargo bench --features cli --bench kernels`.
//!
//! Batches of equal lengths go through the crate's public front door, in both precisions, so the numbers hold the
//! kernels together with all that lies between them. Tokenising is not timed. Throughput is tokens: criterion's
//! `Kelem/s` are thousands of tokens a second, and 1 over it is ms a token.

// A benchmark may stop at the first surprise: there is no caller to hand an error to.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use crossrank::Reranker;
use crossrank::cli::load_model;
use crossrank::model::PackedBatch;
use crossrank::weights::Precision;

/// (pairs, tokens of each): short chunks, long chunks, chunks at the model's limit.
const SHAPES: [(usize, usize); 3] = [(16, 128), (8, 256), (4, 510)];

/// Words that are one token each; other words would make lengths a guess.
const WORDS: [&str; 8] = ["the", "file", "is", "open", "and", "a", "list", "of"];

/// `[CLS] query [SEP] document [SEP]` with a query of one token.
const NOT_DOCUMENT: usize = 4;

fn document(tokens: usize) -> String {
    let words: Vec<_> = WORDS.iter().copied().cycle().take(tokens - NOT_DOCUMENT).collect();
    words.join(" ")
}

/// All batches that a call with these pairs would run.
fn batches(reranker: &Reranker, pairs: usize, tokens: usize) -> Vec<PackedBatch> {
    let document = document(tokens);
    let mut job = reranker.begin(&vec![("file", document.as_str()); pairs], None).expect("the pairs are within limits");
    assert_eq!(job.tokens(), pairs * tokens, "a word of WORDS is not one token");
    std::iter::from_fn(|| job.next_batch()).collect()
}

fn forward(criterion: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("model");
    for (name, precision) in [("int8", Precision::Int8), ("f32", Precision::F32)] {
        let reranker = load_model(&folder, precision).expect("model/ is complete");
        let mut group = criterion.benchmark_group(name);
        for (pairs, tokens) in SHAPES {
            let batches = batches(&reranker, pairs, tokens);
            group.throughput(Throughput::Elements((pairs * tokens) as u64));
            group.bench_with_input(
                BenchmarkId::from_parameter(format!("{pairs}x{tokens}")),
                &batches,
                |bencher, all| {
                    bencher.iter(|| {
                        for batch in all {
                            black_box(
                                pollster::block_on(reranker.forward(batch.clone())).expect("the CPU can be read"),
                            );
                        }
                    });
                },
            );
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    // One iteration is most of a second at f32, so a few samples are what there is time for.
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(12));
    targets = forward
}
criterion_main!(benches);
