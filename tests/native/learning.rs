//! The learning loop on the native side: mine, split, promote.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crossrank::Precision;
use crossrank::cli::{Manifest, load_model};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};

use crate::fixtures::{fixture, golden, read};
use crate::run::{Scratch, args, crossrank, stderr, stdout, text};

fn mine(logs: &[&Path], out: &Path, more: &[&dyn AsRef<OsStr>]) -> Output {
    let mut all = args(&[&"mine", &"--out", &out]);
    all.extend(logs.iter().map(|log| log.into()));
    all.extend(args(more));
    crossrank(all)
}

fn values(path: &Path) -> Vec<Value> {
    text(path).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_hand_written_log_of_20_events_gives_exactly_these_triplets() {
    let scratch = Scratch::new("mine");
    let (log, out) = (fixture("feedback/log.jsonl"), scratch.path("triplets.jsonl"));
    assert_eq!(text(&log).lines().count(), 20);
    let output = mine(&[&log], &out, &[]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(text(&out), text(&fixture("feedback/triplets.jsonl")));
    let said = stdout(&output);
    assert_eq!(
        said.trim(),
        "4 triplets of 7 lists; 2 lists without a positive, 1 without a negative, 0 repeated; 1 events of no known list or place"
    );
}

#[test]
fn options_of_mine_and_marks_that_are_taken_back() {
    let scratch = Scratch::new("mine-options");
    let texts = ["t0", "t1", "t2", "t3", "t4", "t5", "t6"];
    let log = scratch.lines(
        "log.jsonl",
        &[
            json!({"v": 1, "type": "shown", "id": "a", "query": "q", "texts": texts}),
            json!({"v": 1, "type": "relevance", "of": "a", "place": 0, "relevant": true}),
            json!({"v": 1, "type": "relevance", "of": "a", "place": 0, "relevant": false}),
            json!({"v": 1, "type": "relevance", "of": "a", "place": 2, "relevant": true}),
            json!({"v": 1, "type": "relevance", "of": "a", "place": 3, "relevant": true}),
            json!({"v": 1, "type": "click", "of": "a", "place": 7}),
        ],
    );
    let out = scratch.path("out.jsonl");
    let negatives = |more: &[&dyn AsRef<OsStr>]| {
        let output = mine(&[&log], &out, more);
        assert!(output.status.success(), "{}", stderr(&output));
        let [triplet] = &values(&out)[..] else { panic!("{}", stdout(&output)) };
        assert_eq!(triplet["positive_text"], "t2");
        triplet["negative_texts"].clone()
    };
    assert_eq!(negatives(&[]), json!(["t0", "t1", "t3", "t4"]));
    assert_eq!(negatives(&[&"--spare-liked"]), json!(["t0", "t1", "t4", "t5"]));
    assert_eq!(negatives(&[&"--negatives", &"2"]), json!(["t0", "t1"]));
    // The same log twice, as two exports would have it: ids are used again, triplets are not.
    let output = mine(&[&log, &log], &out, &[]);
    assert!(
        stdout(&output).contains("1 triplets of 2 lists") && stdout(&output).contains("1 repeated"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn rows_that_are_no_events_are_named() {
    let scratch = Scratch::new("mine-bad");
    let good = json!({"v": 1, "type": "shown", "id": "a", "query": "q", "texts": []});
    for bad in [
        json!({"v": 2, "type": "thumb", "of": "a", "up": true}),
        json!({"v": 1, "type": "hover", "of": "a"}),
        json!({"v": 1, "type": "click", "of": "a", "place": -1}),
        json!({"type": "thumb", "of": "a", "up": true}),
        json!([]),
    ] {
        let log = scratch.lines("log.jsonl", &[good.clone(), bad.clone()]);
        let output = mine(&[&log], &scratch.path("out.jsonl"), &[]);
        assert_eq!(output.status.code(), Some(1), "{bad}");
        assert!(stderr(&output).contains("log.jsonl:2"), "{bad}: {}", stderr(&output));
        assert!(!scratch.path("out.jsonl").exists(), "{bad}");
    }
}

#[test]
fn split_keeps_a_query_on_one_side_and_loses_no_row() {
    let scratch = Scratch::new("split");
    let row = |i: usize| json!({"query": format!("{} {}", if i.is_multiple_of(2) { "Query" } else { "query?" }, i / 6), "text": i});
    let rows: Vec<_> = (0..600).map(row).collect();
    let input = scratch.lines("all.jsonl", &rows);
    let (train, holdout) = (scratch.path("train.jsonl"), scratch.path("holdout.jsonl"));
    let split = || crossrank(args(&[&"split", &input, &"--train", &train, &"--holdout", &holdout, &"--share", &"0.3"]));
    let output = split();
    assert!(output.status.success(), "{}", stderr(&output));
    let sides = [values(&train), values(&holdout)];
    let number = |row: &Value| row["text"].as_u64().unwrap() / 6;
    assert!(sides[0].iter().all(|a| sides[1].iter().all(|b| number(a) != number(b))));
    let mut all = sides.concat();
    all.sort_by_key(|row| row["text"].as_u64());
    assert_eq!(all, rows);
    assert!((20..40).contains(&(sides[1].len() / 6)), "{} of 100 queries", sides[1].len() / 6);
    // What was held out stays held out when rows are added.
    scratch.lines("all.jsonl", &[rows, vec![json!({"query": "a new one", "text": 1})]].concat());
    split();
    assert!(sides[1].iter().all(|row| values(&holdout).contains(row)));
}

/// A served form of the tiny model; `better: false` puts every list in reverse, because its logits are negated.
fn model(scratch: &Scratch, name: &str, better: bool) -> PathBuf {
    let (source, out) = (scratch.path(&format!("{name}-source")), scratch.path(name));
    fs::create_dir_all(&source).unwrap();
    for file in ["config.json", "tokenizer.json"] {
        fs::copy(fixture("tiny").join(file), source.join(file)).unwrap();
    }
    let file = read(fixture("tiny/model.safetensors"));
    let tensors = SafeTensors::deserialize(&file).unwrap().tensors();
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(name, view)| {
            let floats = view.data().chunks(4).map(|word| f32::from_le_bytes(word.try_into().unwrap()));
            let sign = if name.starts_with("classifier") && !better { -1.0 } else { 1.0 };
            floats.flat_map(|value| (sign * value).to_le_bytes()).collect()
        })
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, view), bytes)| {
        (name.clone(), TensorView::new(view.dtype(), view.shape().to_vec(), bytes).unwrap())
    });
    fs::write(source.join("model.safetensors"), safetensors::serialize(views, None).unwrap()).unwrap();
    let output = crossrank(args(&[&"quantize", &source, &out, &"--id", &name, &"--shard-bytes", &"100000"]));
    assert!(output.status.success(), "{}", stderr(&output));
    fs::write(out.join("README.md"), format!("# {name}\n")).unwrap();
    out
}

/// Lists of five whose relevant document is the better model's best in `right` of `count` and its worst in the others.
fn holdout(scratch: &Scratch, better: &Path, count: usize, right: usize) -> PathBuf {
    let model = load_model(better, Precision::Int8).unwrap();
    let pairs = golden("tiny").pairs.into_iter().filter(|pair| pair.document.len() < 200).take(12);
    let pairs: Vec<_> = pairs.collect();
    let rows: Vec<_> = (0..count)
        .map(|i| {
            let query = format!("question {i}");
            let score = |text: &str| pollster::block_on(model.predict(&[(&query, text)], None, None)).unwrap()[0];
            let mut texts: Vec<_> = pairs.iter().map(|pair| (score(&pair.document), &pair.document)).collect();
            texts.sort_by(|a, b| a.0.total_cmp(&b.0));
            texts.dedup_by(|a, b| a.0 == b.0);
            if i < right {
                texts.reverse();
            }
            let texts: Vec<_> = texts.iter().map(|(_, text)| text).collect();
            json!({"query": query, "positive_text": texts[0], "negative_texts": texts[1..5]})
        })
        .collect();
    scratch.lines("holdout.jsonl", &rows)
}

fn promote(candidate: &Path, current: &Path, holdout: &Path, more: &[&dyn AsRef<OsStr>]) -> Output {
    let mut all = args(&[&"promote", &candidate, &current, &"--holdout", &holdout]);
    all.extend(args(more));
    crossrank(all)
}

fn id(folder: &Path) -> String {
    Manifest::from_json(&read(folder.join("manifest.json"))).unwrap().id
}

#[test]
fn a_better_model_takes_the_place_and_the_old_one_can_come_back() {
    let scratch = Scratch::new("promote");
    let (better, served) = (model(&scratch, "better", true), model(&scratch, "served", false));
    let holdout = holdout(&scratch, &better, 40, 38);
    let dry = promote(&better, &served, &holdout, &[&"--dry-run"]);
    assert!(dry.status.success(), "{}", stderr(&dry));
    assert_eq!(id(&served), "served");

    let output = promote(&better, &served, &holdout, &[&"--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let row: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&row["promoted"], &row["queries"], &row["better"]), (&json!(true), &json!(40), &json!(38)), "{row}");
    assert!(row["difference"]["low"].as_f64().unwrap() > 0.5, "{row}");
    assert_eq!(id(&served), "better");
    assert_eq!(text(&served.join("README.md")), "# better\n");
    load_model(&served, Precision::Int8).unwrap();
    let previous = scratch.path("served.previous");
    assert_eq!(row["previous"].as_str().map(Path::new), Some(previous.canonicalize().unwrap().as_path()));
    assert_eq!(id(&previous), "served");
    assert!(!scratch.path(".served.next").exists());

    // It is its own restore: the model that was there before is a candidate like any other.
    let back = promote(&previous, &served, &holdout, &[]);
    assert_eq!(back.status.code(), Some(1));
    assert_eq!(id(&served), "better");
    let same = promote(&better, &served, &holdout, &[]);
    assert!(stderr(&same).contains("is the model that is in place"), "{}", stderr(&same));
    // The next promotion replaces `previous`.
    fs::remove_dir_all(&served).unwrap();
    fs::rename(&previous, &served).unwrap();
    fs::create_dir(&previous).unwrap();
    fs::write(previous.join("old"), "").unwrap();
    assert!(promote(&better, &served, &holdout, &[]).status.success());
    assert_eq!((id(&served), id(&previous)), ("better".to_owned(), "served".to_owned()));
    assert!(!previous.join("old").exists());
}

#[test]
fn a_model_that_is_not_surely_better_stays_out() {
    let scratch = Scratch::new("promote-not");
    let (better, served) = (model(&scratch, "better", true), model(&scratch, "served", false));
    // Better in 22 lists, worse in 18: the mean difference is positive, its interval is not.
    let holdout = holdout(&scratch, &better, 40, 22);
    let output = promote(&better, &served, &holdout, &[]);
    assert_eq!(output.status.code(), Some(1));
    let (out, error) = (stdout(&output), stderr(&output));
    assert!(error.contains("REFUSED") && error.contains("does not reach the margin of +0.010"), "{error}");
    assert!(out.contains("22 better, 18 worse") && out.contains("difference +0."), "{out}");
    assert_eq!(id(&served), "served");
    assert!(!scratch.path("served.previous").exists());
}

#[test]
fn the_margin_is_kept() {
    let scratch = Scratch::new("promote-margin");
    let (better, served) = (model(&scratch, "better", true), model(&scratch, "served", false));
    let holdout = holdout(&scratch, &better, 40, 40);
    // Every list goes from 1/5 to 1: the interval is the point 0.8.
    assert_eq!(promote(&better, &served, &holdout, &[&"--margin", &"0.81"]).status.code(), Some(1));
    assert_eq!(id(&served), "served");
    assert!(promote(&better, &served, &holdout, &[&"--margin", &"0.79"]).status.success());
    assert_eq!(id(&served), "better");
}

#[test]
fn a_held_out_set_that_can_decide_nothing_is_refused_before_anything_is_computed() {
    let scratch = Scratch::new("promote-set");
    let (better, served) = (model(&scratch, "better", true), model(&scratch, "served", false));
    let holdout = holdout(&scratch, &better, 12, 12);
    let train = scratch.lines("train.jsonl", &[json!({"query": "Question 3!"})]);
    let output = promote(&better, &served, &holdout, &[&"--train", &train, &"--metric", &"hit@5"]);
    assert_eq!(output.status.code(), Some(1));
    let error = stderr(&output);
    for reason in
        ["12 held-out queries are too few, 30 are needed", "1 of 12 queries occur", "hit@5 is 1 by construction"]
    {
        assert!(error.contains(reason), "{reason} is not in {error}");
    }
    assert_eq!(stdout(&output), "");
    assert_eq!(id(&served), "served");
}

#[test]
fn a_damaged_candidate_and_an_interrupted_promotion_leave_the_model_in_place() {
    let scratch = Scratch::new("promote-damaged");
    let (better, served) = (model(&scratch, "better", true), model(&scratch, "served", false));
    let holdout = holdout(&scratch, &better, 30, 30);
    fs::create_dir(scratch.path(".served.next")).unwrap();
    let output = promote(&better, &served, &holdout, &[]);
    assert!(stderr(&output).contains(".served.next") && stderr(&output).contains("interrupted"), "{}", stderr(&output));
    assert_eq!((output.status.code(), id(&served)), (Some(1), "served".to_owned()));
    fs::remove_dir(scratch.path(".served.next")).unwrap();

    let shard = better.join("model-000.bin");
    let mut bytes = read(&shard);
    bytes[50] ^= 1;
    fs::write(&shard, bytes).unwrap();
    let output = promote(&better, &served, &holdout, &[]);
    assert!(stderr(&output).contains("model-000.bin"), "{}", stderr(&output));
    assert_eq!((output.status.code(), id(&served)), (Some(1), "served".to_owned()));
    assert!(!scratch.path("served.previous").exists());

    let missing = promote(&better, &scratch.path("nothing"), &holdout, &[]);
    assert!(stderr(&missing).contains("FILE"), "{}", stderr(&missing));
}
