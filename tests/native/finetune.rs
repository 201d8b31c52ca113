//! `crossrank finetune` as a user runs it: real files in, a folder out; interruptions, bad data, a full disk.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crossrank::Precision;
use crossrank::cli::load_model;
use serde_json::{Value, json};

use crate::fixtures::{fixture, golden, read};
use crate::run::Scratch;

const PAIRS: usize = 48;

/// Pairs of 12 queries, four texts each, the first of them right.
fn rows() -> Vec<Value> {
    let texts: Vec<String> =
        golden("tiny").pairs.into_iter().filter(|pair| pair.input_ids.len() < 60).map(|pair| pair.document).collect();
    let row = |index: usize| {
        let text = &texts[index % texts.len()];
        let label = u8::from(index.is_multiple_of(4));
        json!({"query": format!("question {}", index / 4), "text": text, "label": label, "teacher": f64::from(label) * 3.0 - 1.0})
    };
    (0..PAIRS).map(row).collect()
}

fn lines(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

/// Training data in a folder of its own.
struct Bench {
    scratch: Scratch,
}

impl Bench {
    fn new(name: &str) -> Self {
        let bench = Self { scratch: Scratch::new(name) };
        fs::write(bench.data(), lines(&rows())).unwrap();
        bench
    }

    fn data(&self) -> PathBuf {
        self.scratch.0.join("data.jsonl")
    }

    fn out(&self, name: &str) -> PathBuf {
        self.scratch.0.join(name)
    }

    fn command(&self, out: &str, options: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crossrank"));
        command.args(["finetune", "--threads", "1", "--base"]).arg(fixture("tiny"));
        command.arg("--data").arg(self.data()).arg("--out").arg(self.out(out));
        command.args(options.split_whitespace());
        for (option, value) in [("--lr", "1e-3"), ("--batch", "4")] {
            if !options.contains(option) {
                command.args([option, value]);
            }
        }
        command
    }

    fn run(&self, out: &str, options: &str) -> Output {
        self.command(out, options).output().unwrap()
    }

    fn train(&self, out: &str, options: &str) -> PathBuf {
        let output = self.run(out, options);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.out(out)
    }

    /// Runs with `data` instead; the error message.
    fn refused(&self, data: &str, options: &str) -> String {
        fs::write(self.data(), data).unwrap();
        let output = self.run("refused", options);
        assert_eq!(output.status.code(), Some(1));
        assert!(!self.out("refused/config.json").exists());
        String::from_utf8(output.stderr).unwrap()
    }
}

fn log(folder: &Path) -> Vec<Value> {
    let text = String::from_utf8(read(folder.join("log.jsonl"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of_steps<'a>(log: &'a [Value], key: &'a str) -> impl Iterator<Item = f64> + 'a {
    log.iter().filter(|line| line["event"] == "step").map(move |line| line[key].as_f64().unwrap())
}

#[test]
fn a_run_writes_a_model_that_learned_in_both_forms() {
    let bench = Bench::new("finetune");
    let out = bench.train("out", "--epochs 12 --dropout 0 --license MIT --id learned");
    let log = log(&out);
    let losses: Vec<_> = of_steps(&log, "loss").collect();
    assert_eq!(losses.len(), 12 * PAIRS / 4);
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    assert!(mean(&losses[132..]) < 0.6 * mean(&losses[..12]), "{losses:?}");
    let rates: Vec<_> = of_steps(&log, "learning_rate").collect();
    assert!((rates[0] - 1e-3).abs() < 1e-12 && (rates[143] - 1e-3 / 144.0).abs() < 1e-9, "{rates:?}");

    // Both forms load, agree, and put the right text first more often than the base does.
    let (f32, int8) =
        (load_model(&out, Precision::F32).unwrap(), load_model(&out.join("int8"), Precision::F32).unwrap());
    let base = load_model(&fixture("tiny"), Precision::F32).unwrap();
    let rows = rows();
    let pairs: Vec<_> =
        rows.iter().map(|row| (row["query"].as_str().unwrap(), row["text"].as_str().unwrap())).collect();
    let scores = |model: &crossrank::Reranker| pollster::block_on(model.predict(&pairs, None, None)).unwrap();
    let right = |scores: &[f32]| scores.chunks(4).filter(|list| list[1..].iter().all(|score| *score < list[0])).count();
    let (found, before) = (scores(&f32), scores(&base));
    assert!(right(&found) >= right(&before) + 4, "{} against {}", right(&found), right(&before));
    let apart = found.iter().zip(scores(&int8)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart > 0.0 && apart < 0.4, "int8 form off by {apart}");

    let config: Value = serde_json::from_slice(&read(out.join("config.json"))).unwrap();
    assert_eq!(config["architectures"], json!(["BertForSequenceClassification"]));
    assert_eq!(config["sentence_transformers"]["activation_fn"], "torch.nn.modules.linear.Identity");
    let manifest: Value = serde_json::from_slice(&read(out.join("int8/manifest.json"))).unwrap();
    assert_eq!((&manifest["id"], &manifest["license"]), (&json!("learned"), &json!("MIT")));
    let card = String::from_utf8(read(out.join("README.md"))).unwrap();
    for part in [
        "dataset_size:48",
        "loss:BinaryCrossEntropyLoss",
        "base_model: tiny",
        "pipeline_tag: text-ranking",
        "| epochs | 12 |",
        "Nothing was held out",
    ] {
        assert!(card.contains(part), "{part}: {card}");
    }
    assert!(String::from_utf8(read(out.join("curve.svg"))).unwrap().starts_with("<svg"));
    let mut left: Vec<_> =
        fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    let expected = [
        "README.md",
        "config.json",
        "curve.svg",
        "int8",
        "log.jsonl",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ];
    assert_eq!(left, expected, "checkpoints are gone");
}

#[test]
fn a_stopped_run_goes_on_to_the_same_bits() {
    let bench = Bench::new("resume");
    let options = "--epochs 2 --holdout-share 0.25 --evaluate-every 5 --save-every 4 --length-buckets --accumulate 2";
    let whole = bench.train("whole", options);
    // 36 pairs are left, so 9 batches and 5 steps an epoch.
    for stop in [1, 3, 5, 6, 9] {
        let name = format!("stopped-{stop}");
        let stopped = bench.train(&name, &format!("{options} --stop-after {stop}"));
        assert!(stopped.join("checkpoint/state.json").exists() && !stopped.join("config.json").exists());
        bench.train(&name, &format!("{options} --resume"));
        for file in ["model.safetensors", "held-out.jsonl", "curve.svg", "int8/model-000.bin"] {
            assert_eq!(read(whole.join(file)), read(stopped.join(file)), "stopped after {stop}: {file}");
        }
        let losses = |folder: &Path| of_steps(&log(folder), "loss").collect::<Vec<_>>();
        assert_eq!(losses(&whole), losses(&stopped));
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_the_run_goes_on_to_the_same_bits() {
    let bench = Bench::new("interrupt");
    let options = "--epochs 40";
    let whole = bench.train("whole", options);
    let mut child = bench.command("out", options).stderr(Stdio::piped()).spawn().unwrap();
    let mut progress = BufReader::new(child.stderr.take().unwrap());
    let mut seen = Vec::new();
    // The progress line of a step ends with a carriage return before the next.
    while !String::from_utf8_lossy(&seen).contains("step 5/480") {
        assert!(progress.read_until(b'\r', &mut seen).unwrap() > 0, "ended early");
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut rest = String::new();
    progress.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert!(rest.contains("saved after step") && rest.contains("--resume"), "{rest}");
    assert!(bench.out("out/checkpoint/state.json").exists() && !bench.out("out/config.json").exists());

    let again = bench.run("out", options);
    assert!(String::from_utf8_lossy(&again.stderr).contains("--resume"), "an unfinished run is not overwritten");
    let other = bench.run("out", "--epochs 41 --resume");
    assert!(String::from_utf8_lossy(&other.stderr).contains("another run"), "other options are another run");
    bench.train("out", &format!("{options} --resume"));
    assert_eq!(read(whole.join("model.safetensors")), read(bench.out("out/model.safetensors")));
}

#[test]
fn bad_data_is_named_by_its_line() {
    let bench = Bench::new("bad-data");
    let good = lines(&rows());
    let with = |line: &str| format!("{good}{line}\n");
    for (data, options, parts) in [
        (String::new(), "", ["data.jsonl:1", "empty"]),
        (with(r#"{"query": "a", "text": "b"}"#), "", ["data.jsonl:49", "label"]),
        (with(r#"{"text": "b", "label": 1}"#), "", ["data.jsonl:49", "query"]),
        (with(r#"{"query": "a", "text": "b", "label": 2}"#), "", ["data.jsonl:49", "between 0 and 1"]),
        (with(r#"{"query": "a", "text": "b", "label": 1"#), "", ["data.jsonl:49", "not a pair"]),
        (with(r#"{"query": "a", "text": "b", "label": 1}"#), "--loss mse", ["data.jsonl:49", "teacher"]),
        (good.replace("\"label\":1", "\"label\":0"), "", ["data.jsonl:1", "both classes"]),
        (good.replace("\"label\":1", "\"label\":0"), "--loss listwise", ["data.jsonl:1", "one class"]),
    ] {
        let message = bench.refused(&data, options);
        assert!(
            message.contains("MODEL_INVALID") && parts.iter().all(|part| message.contains(part)),
            "{parts:?}: {message}"
        );
    }
    for (options, part) in [
        ("--lr 0", "--lr"),
        ("--dropout 1", "--dropout"),
        ("--batch 0", "--batch"),
        ("--max-length 2", "--max-length"),
        ("--max-length 513", "--max-length"),
        ("--holdout-share 0.9", "--holdout-share"),
        ("--holdout-share 0.5 --holdout-part 2", "--holdout-part"),
        ("--folds 1", "--folds"),
    ] {
        let message = bench.refused(&good, options);
        assert!(message.contains("OPTION") && message.contains(part), "{options}: {message}");
    }
}

#[test]
fn a_diverging_run_names_the_lines_and_keeps_its_checkpoint() {
    let bench = Bench::new("diverge");
    let options = "--epochs 2 --save-every 3";
    bench.train("out", &format!("{options} --stop-after 3"));
    let good = read(bench.out("out/checkpoint/model.safetensors"));
    // A weight that overflows on the way: as a diverged step would leave it.
    let broken = crate::fixtures::with_tensor(&good, "classifier.weight", |values| values.fill(f32::MAX));
    fs::write(bench.out("out/checkpoint/model.safetensors"), &broken).unwrap();
    let output = bench.run("out", &format!("{options} --resume"));
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    for part in ["NON_FINITE", "data.jsonl:", "step 4", "lines", "checkpoint"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(read(bench.out("out/checkpoint/model.safetensors")), broken, "the checkpoint is left as it is");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_keeps_the_last_checkpoint() {
    let bench = Bench::new("full-disk");
    let options = "--epochs 2 --save-every 3";
    let whole = bench.train("whole", options);
    bench.train("out", &format!("{options} --stop-after 3"));
    let state = read(bench.out("out/checkpoint/state.json"));
    // Whatever is written there meets a full disk.
    let new = bench.out("out/checkpoint.new");
    fs::create_dir_all(&new).unwrap();
    std::os::unix::fs::symlink("/dev/full", new.join("state.json")).unwrap();
    let output = bench.run("out", &format!("{options} --resume"));
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        message.contains("FILE") && message.contains("state.json") && message.contains("No space left"),
        "{message}"
    );
    assert_eq!(read(bench.out("out/checkpoint/state.json")), state);
    fs::remove_file(new.join("state.json")).unwrap();
    bench.train("out", &format!("{options} --resume"));
    assert_eq!(read(whole.join("model.safetensors")), read(bench.out("out/model.safetensors")));
}

#[test]
fn held_out_queries_are_not_trained_on_and_the_best_step_is_kept() {
    let bench = Bench::new("held-out");
    let triplets = [0, 8, 20].map(|row| {
        let rows = rows();
        let text = |offset: usize| rows[row + offset]["text"].clone();
        json!({"query": rows[row]["query"], "positive_text": text(0), "negative_texts": [text(1), text(2), text(3)]})
    });
    let file = bench.out("triplets.jsonl");
    fs::write(&file, lines(&triplets)).unwrap();
    // Too high a rate: the held-out loss rises, and the first evaluations are the best.
    let options = format!("--epochs 4 --lr 0.02 --evaluate-every 3 --holdout {}", file.display());
    let out = bench.train("out", &options);
    let log = log(&out);
    let trained: f64 = of_steps(&log, "pairs").sum();
    assert_eq!(trained, 4.0 * (PAIRS - 12) as f64, "the three queries are left out");
    let evaluations: Vec<_> = log.iter().filter(|line| line["event"] == "evaluation").collect();
    let steps: Vec<_> = evaluations.iter().map(|line| line["step"].as_u64().unwrap()).collect();
    assert_eq!(steps, [0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 36]);
    let best = evaluations[1..]
        .iter()
        .min_by(|a, b| a["loss"].as_f64().unwrap().total_cmp(&b["loss"].as_f64().unwrap()))
        .unwrap();

    // The written weights have the best evaluation's loss.
    let model = load_model(&out, Precision::F32).unwrap();
    let pairs: Vec<(&str, &str)> = triplets
        .iter()
        .flat_map(|row| {
            let texts = std::iter::once(&row["positive_text"]).chain(row["negative_texts"].as_array().unwrap());
            texts.map(|text| (row["query"].as_str().unwrap(), text.as_str().unwrap()))
        })
        .collect();
    let scores = pollster::block_on(model.predict(&pairs, None, None)).unwrap();
    let losses = scores.iter().enumerate().map(|(index, logit)| {
        let logit = f64::from(*logit);
        (1.0 + logit.exp()).ln() - if index % 4 == 0 { logit } else { 0.0 }
    });
    let loss = losses.sum::<f64>() / 12.0;
    assert!((loss - best["loss"].as_f64().unwrap()).abs() < 1e-4, "{loss} against {best}");
    let card = String::from_utf8(read(out.join("README.md"))).unwrap();
    let last = format!("after step {}, whose held-out loss is the lowest", best["step"]);
    assert!(card.contains(&last) && card.contains("random order"), "{card}");
    let changes = String::from_utf8(read(out.join("held-out.jsonl"))).unwrap();
    assert_eq!(changes.lines().count(), 3);
}

#[test]
fn folds_hold_every_query_out_once() {
    let bench = Bench::new("folds");
    let out = bench.train("out", "--folds 3");
    let mut queries: Vec<String> = Vec::new();
    for part in 0..3 {
        let rows = String::from_utf8(read(out.join(format!("fold-{part}/held-out.jsonl")))).unwrap();
        queries.extend(rows.lines().map(|row| serde_json::from_str::<Value>(row).unwrap()["query"].to_string()));
    }
    queries.sort();
    queries.dedup();
    assert_eq!(queries.len(), PAIRS / 4);
    let trained: f64 = of_steps(&log(&out), "pairs").sum();
    assert_eq!(trained, PAIRS as f64, "the model itself is trained on everything");
    let card = String::from_utf8(read(out.join("README.md"))).unwrap();
    assert!(card.contains("12 queries, 4 documents each") && card.contains("query by query"), "{card}");
}

#[test]
fn an_int8_base_is_dequantised_and_said_so() {
    let bench = Bench::new("int8-base");
    let int8 = bench.out("int8");
    let quantize = Command::new(env!("CARGO_BIN_EXE_crossrank"))
        .arg("quantize")
        .args([fixture("tiny"), int8.clone()])
        .args(["--id", "small", "--license", "Apache-2.0"])
        .output()
        .unwrap();
    assert!(quantize.status.success());
    let out = bench.out("out");
    let output = Command::new(env!("CARGO_BIN_EXE_crossrank"))
        .args(["finetune", "--threads", "1", "--batch", "16", "--loss", "kl", "--base"])
        .arg(&int8)
        .arg("--data")
        .arg(bench.data())
        .arg("--out")
        .arg(&out)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("int8"));
    let card = String::from_utf8(read(out.join("README.md"))).unwrap();
    for part in
        ["base_model: small", "license: apache-2.0", "dequantised", "KLDivLoss", "| score of the teacher | -1.00 |"]
    {
        assert!(card.contains(part), "{part}: {card}");
    }
    assert!(out.join("tokenizer_config.json").exists(), "the int8 form has none, so one is made");
    load_model(&out, Precision::F32).unwrap();
}

#[test]
fn sentence_transformers_scores_the_written_folder_the_same() {
    // Where the reference environment of tests/reference/README.md is at hand; it is not part of the repository.
    let python =
        std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/crossrank/reference-venv/bin/python"));
    let Some(python) = python.filter(|python| python.exists()) else {
        println!("no reference environment here");
        return;
    };
    let bench = Bench::new("reference");
    let out = bench.train("out", "--epochs 2");
    let script = crate::fixtures::root().join("tests/reference/finetune.py");
    let output = Command::new(python).arg(script).arg("scores").arg(&out).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let expected: Vec<f32> = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let model = load_model(&out, Precision::F32).unwrap();
    let texts = golden("tiny").pairs;
    let pairs: Vec<_> = texts.iter().map(|pair| (pair.query.as_str(), pair.document.as_str())).collect();
    let found = pollster::block_on(model.predict(&pairs, None, None)).unwrap();
    assert_eq!(found.len(), expected.len());
    let apart = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("largest difference: {apart:e}");
    assert!(apart <= 1e-4, "scores differ by {apart}");
}
