//! Native, one thread: `cargo bench --features cli --bench kernels`.
//!
//! `kernel/…`: single kernels, in operations: criterion's `Gelem/s` are GOP/s. At the end a table of the best of each beside
//! the measured peak of the machine (`peak.rs`).
//!
//! `int8/…`, `f32/…`: forward passes of the default model. Batches of equal lengths go through the crate's public front door, in both precisions, so the numbers hold the
//! kernels together with all that lies between them. Tokenising is not timed. Throughput is tokens: criterion's
//! `Kelem/s` are thousands of tokens a second, and 1 over it is ms a token.

// A benchmark may stop at the first surprise: there is no caller to hand an error to.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod peak;

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use crossrank::Reranker;
use crossrank::cli::load_model;
use crossrank::kernel_bench::{AttentionBench, LinearBench};
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

/// Name, operations of a call, the call, and whether its products are of 8 bits.
type Kernel = (&'static str, u64, Box<dyn FnMut()>, bool);

/// The kernels of a MiniLM layer: 96 rows are one block of a linear layer.
fn all_kernels() -> Vec<Kernel> {
    let linear = |name, input, output, gelu| -> Kernel {
        let mut bench = LinearBench::new(960, input, output, gelu);
        (
            name,
            bench.operations(),
            Box::new(move || {
                black_box(bench.run());
            }),
            true,
        )
    };
    let attention = |name, sequences, tokens| -> Kernel {
        let mut bench = AttentionBench::new(sequences, tokens, 12, 32);
        (
            name,
            bench.operations(),
            Box::new(move || {
                black_box(bench.run());
            }),
            false,
        )
    };
    vec![
        linear("linear 384 to 1152", 384, 1152, false),
        linear("linear 384 to 1536, GELU", 384, 1536, true),
        linear("linear 1536 to 384", 1536, 384, false),
        attention("attention, 8 x 128 tokens", 8, 128),
        attention("attention, 2 x 510 tokens", 2, 510),
    ]
}

fn kernels(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernel");
    for (name, operations, mut run, _) in all_kernels() {
        group.throughput(Throughput::Elements(operations));
        group.bench_function(name, |bencher| bencher.iter(&mut run));
    }
    group.finish();
}

/// The best of each kernel beside what the processor can do.
fn shares_of_the_peak(_: &mut Criterion) {
    let peak = peak::measure();
    println!("{:<28}{:>8}{:>8}{:>8}", "kernel, best of 30 calls", "GOP/s", "peak", "share");
    for (name, operations, mut run, is_int8) in all_kernels() {
        let nanoseconds = (0..30).map(|_| {
            let begun = Instant::now();
            run();
            begun.elapsed().as_nanos()
        });
        let rate = operations as f64 / nanoseconds.min().unwrap() as f64;
        match peak.map(|peak| if is_int8 { peak.int8 } else { peak.int16 }) {
            Some(peak) => println!("{name:<28}{rate:>8.0}{peak:>8.0}{:>7.0}%", 100.0 * rate / peak),
            None => println!("{name:<28}{rate:>8.0}       ?       ?"),
        }
    }
}

criterion_group! {
    name = benches;
    // One iteration is most of a second at f32, so a few samples are what there is time for.
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(12));
    targets = kernels, forward, shares_of_the_peak
}
criterion_main!(benches);
