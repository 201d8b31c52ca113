//! The native commands as a user runs them: the built binary, real folders, its output and exit status.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Output;

use crossrank::Precision;
use crossrank::cli::{Manifest, load_model};

use crate::fixtures::{fixture, golden, read, tiny};
use crate::run::{Scratch, args, crossrank};

fn quantize_tiny(output: &Path) -> Output {
    let (command, option, size) = (Path::new("quantize"), Path::new("--shard-bytes"), Path::new("20000"));
    crossrank([command, &fixture("tiny"), output, option, size])
}

#[test]
fn quantize_makes_a_folder_that_loads_and_scores_like_the_original() {
    let scratch = Scratch::new("quantize");
    let output = quantize_tiny(&scratch.0);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let manifest = Manifest::from_json(&read(scratch.0.join("manifest.json"))).unwrap();
    let sizes: Vec<_> = manifest.weights.shards.iter().map(|shard| shard.bytes).collect();
    assert!(sizes.len() > 2 && sizes.iter().all(|bytes| *bytes <= 20_000), "{sizes:?}");
    assert_eq!(sizes.iter().sum::<usize>(), manifest.weights.bytes);

    let (int8, f32) = (load_model(&scratch.0, Precision::F32).unwrap(), tiny());
    let golden = golden("tiny");
    let pairs: Vec<_> = golden.pairs.iter().map(|pair| (pair.query.as_str(), pair.document.as_str())).collect();
    let score = |model: &crossrank::Reranker| pollster::block_on(model.predict(&pairs, None, None)).unwrap();
    let differences: Vec<_> = score(&int8).iter().zip(score(&f32)).map(|(a, b)| (a - b).abs()).collect();
    let mean = differences.iter().sum::<f32>() / differences.len() as f32;
    let worst = differences.iter().copied().fold(0.0, f32::max);
    // Measured for int8 weights and activations in tests/reference/README.md; weights alone are well below.
    assert!(mean <= 0.09 && worst <= 0.4, "mean {mean}, worst {worst}");
    assert!(worst > 0.0, "quantised weights cannot score exactly as in f32");
}

fn assert_same_files(first: &Path, second: &Path) {
    for entry in fs::read_dir(first).unwrap() {
        let name = entry.unwrap().file_name();
        assert_eq!(read(first.join(&name)), read(second.join(&name)), "{}", name.display());
    }
}

#[test]
fn quantizing_twice_gives_the_same_bytes() {
    let (first, second) = (Scratch::new("first"), Scratch::new("second"));
    assert!(quantize_tiny(&first.0).status.success() && quantize_tiny(&second.0).status.success());
    assert_same_files(&first.0, &second.0);
}

#[test]
fn words_are_int8_unless_4_bit_is_asked_for_and_stay_as_they_are_when_quantised_again() {
    let bytes = |folder: &Path| Manifest::from_json(&read(folder.join("manifest.json"))).unwrap().weights.bytes;
    let quantize = |from: &Path, to: &Path, words: &[&str]| {
        let rest = ["--id", "tiny"].iter().chain(words).map(Path::new);
        let output = crossrank([Path::new("quantize"), from, to].into_iter().chain(rest));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let [int4, int8, again4, again8] = ["int4", "int8", "again4", "again8"].map(Scratch::new);
    quantize(&fixture("tiny"), &int4.0, &["--words", "int4"]);
    quantize(&fixture("tiny"), &int8.0, &[]);
    let (rows, width) = (2560, 32);
    let config = crossrank::ModelConfig::from_json(&read(fixture("tiny/config.json"))).unwrap();
    assert_eq!((config.vocab_size, config.hidden_size), (rows, width));
    // A row: 32 i8 and a scale, or a block of 20 bytes. Then there are two entries of the header more or less.
    let saved = bytes(&int8.0) - bytes(&int4.0);
    assert!((rows * 16..rows * 16 + 300).contains(&saved), "{saved}");

    quantize(&int4.0, &again4.0, &[]);
    assert_same_files(&int4.0, &again4.0);
    quantize(&int8.0, &again8.0, &["--words", "int4"]);
    assert_same_files(&int8.0, &again8.0);
}

#[test]
fn a_changed_byte_in_a_shard_is_named() {
    let scratch = Scratch::new("changed");
    assert!(quantize_tiny(&scratch.0).status.success());
    let shard = scratch.0.join("model-001.bin");
    let mut bytes = read(&shard);
    bytes[100] ^= 1;
    fs::write(&shard, bytes).unwrap();
    let error = load_model(&scratch.0, Precision::F32).unwrap_err();
    assert!(error.to_string().contains("model-001.bin"), "{error}");
}

#[test]
fn failures_print_a_code_and_the_file_and_exit_with_1() {
    let scratch = Scratch::new("missing");
    let output = crossrank([Path::new("quantize"), Path::new("/no/such/folder"), &scratch.0]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(message.contains("FILE") && message.contains("/no/such/folder"), "{message}");
}

/// A benchmark of two queries whose better candidate, by the tiny model, stands last.
fn write_benchmark(folder: &Path) {
    let golden = golden("tiny");
    let mut pairs: Vec<_> = golden.pairs.iter().filter(|pair| pair.max_length == 512).collect();
    pairs.sort_by(|a, b| a.logit.total_cmp(&b.logit));
    let query = &pairs[0].query;
    let model = tiny();
    let score = |document: &str| pollster::block_on(model.predict(&[(query, document)], None, None)).unwrap()[0];
    let mut documents: Vec<_> = pairs.iter().map(|pair| (score(&pair.document), &pair.document)).collect();
    documents.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Texts with the same tokens have the same score, and a tie goes to the earlier one.
    documents.dedup_by(|a, b| a.0 == b.0);
    documents.truncate(6);

    let lines = |rows: Vec<serde_json::Value>| rows.iter().map(|row| format!("{row}\n")).collect::<String>();
    let write = |name: &str, rows| fs::write(folder.join(name), lines(rows)).unwrap();
    let ids: Vec<_> = (0..documents.len()).map(|index| format!("d{index}")).collect();
    let corpus = documents.iter().zip(&ids).map(|((_, text), id)| serde_json::json!({"id": id, "text": text}));
    write("corpus.jsonl", corpus.collect());
    write("queries.jsonl", vec![serde_json::json!({"id": "q", "text": query})]);
    write("qrels.jsonl", vec![serde_json::json!({"qid": "q", "did": ids.last().unwrap(), "rel": 1})]);
    write("candidates.jsonl", vec![serde_json::json!({"qid": "q", "docs": ids})]);
}

#[test]
fn evaluate_reports_both_orders() {
    let scratch = Scratch::new("evaluate");
    write_benchmark(&scratch.0);
    let (command, model, json) = (Path::new("evaluate"), Path::new("--model"), Path::new("--json"));
    let (precision, f32) = (Path::new("--precision"), Path::new("f32"));
    let output = crossrank([command, model, &fixture("tiny"), &scratch.0, json, precision, f32]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let row: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    // The relevant document is the last of six candidates and the model's best.
    assert!((row["first_stage_mrr10"].as_f64().unwrap() - 1.0 / 6.0).abs() < 1e-12, "{row}");
    assert_eq!(row["reranked_mrr10"], 1.0, "{row}");
    assert_eq!(row["queries"], 1);
}

#[test]
fn agree_compares_int8_with_f32_on_every_pair() {
    let (scratch, quantized) = (Scratch::new("agree"), Scratch::new("agree-quantized"));
    write_benchmark(&scratch.0);
    let agree = |options: &[&dyn AsRef<OsStr>]| {
        let output = crossrank(args(&[&[&"agree" as &dyn AsRef<OsStr>, &scratch.0], options].concat()));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let table = String::from_utf8(output.stdout).unwrap();
        let row = table.lines().nth(1).unwrap().split_whitespace().filter_map(|cell| cell.parse().ok());
        row.collect::<Vec<f64>>()
    };
    let tiny = fixture("tiny");
    let row = agree(&[&"--model", &tiny]);
    let [pairs, correlation, same_first, mean, largest] = row[..] else { panic!("{row:?}") };
    assert_eq!(pairs, 6.0, "{row:?}");
    assert!(correlation > 0.5 && same_first == 1.0, "{row:?}");
    assert!(mean > 0.0 && mean <= largest && largest <= 0.4, "{row:?}");

    // The quantised form against what it was made from is the same comparison. Against itself only activations are rounded:
    // another one, with so few pairs a smaller or a larger difference.
    assert!(quantize_tiny(&quantized.0).status.success());
    assert_eq!(agree(&[&"--model", &quantized.0, &"--reference", &tiny]), row);
    assert_ne!(agree(&[&"--model", &quantized.0]), row);
}
