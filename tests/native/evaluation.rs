//! `crossrank evaluate` as a user runs it: metrics of all three orders, intervals, and what it refuses to vouch for.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::fixtures::{fixture, golden, tiny};
use crate::run::{Scratch, args, crossrank, stderr, stdout};

/// Texts, the worst for the query first by the tiny model in f32, with their logits; all logits differ.
fn documents(query: &str) -> Vec<(f32, String)> {
    let model = tiny();
    let pairs = golden("tiny").pairs.into_iter().filter(|pair| pair.document.len() < 200).take(12);
    let score = |document: &str| pollster::block_on(model.predict(&[(query, document)], None, None)).unwrap()[0];
    let mut all: Vec<_> = pairs.map(|pair| (score(&pair.document), pair.document)).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Equal texts have equal scores; so have texts with the same tokens.
    all.dedup_by(|a, b| a.0 == b.0);
    all
}

fn evaluate(benchmark: &Path, more: &[&dyn AsRef<OsStr>]) -> Output {
    let model = fixture("tiny");
    let mut all = args(&[&"evaluate", &"--model", &model, &"--precision", &"f32"]);
    all.push(benchmark.into());
    all.extend(args(more));
    crossrank(all)
}

fn row(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", stderr(output)))
}

/// Two queries of five candidates, the worst first; of the first the best is relevant, of the second the worst.
fn write_benchmark(scratch: &Scratch, with_scores: bool) {
    let mut documents = documents("open a file");
    documents.truncate(5);
    let ids = ["d0", "d1", "d2", "d3", "d4"];
    let corpus: Vec<_> = documents.iter().zip(ids).map(|((_, text), id)| json!({"id": id, "text": text})).collect();
    scratch.lines("corpus.jsonl", &corpus);
    let query = |id: &str| json!({"id": id, "text": if id == "p" { "open a file" } else { "open a  File?" }});
    scratch.lines("queries.jsonl", &[query("p"), query("q")]);
    scratch.lines(
        "qrels.jsonl",
        &[json!({"qid": "p", "did": "d4", "rel": 2}), json!({"qid": "q", "did": "d0", "rel": 1})],
    );
    let list = |qid: &str| match with_scores {
        true => json!({"qid": qid, "docs": ids, "bm25": [9.0, 7.0, 5.0, 3.0, 1.0]}),
        false => json!({"qid": qid, "docs": ids}),
    };
    scratch.lines("candidates.jsonl", &[list("p"), list("q")]);
}

fn near(value: &Value, expected: f64) {
    assert!((value.as_f64().unwrap() - expected).abs() < 1e-12, "{value} instead of {expected}");
}

#[test]
fn every_metric_of_every_order_by_hand() {
    let scratch = Scratch::new("evaluate-orders");
    write_benchmark(&scratch, true);
    let metrics = "mrr@10,ndcg@3,hit@1,recall@4";
    let output = evaluate(&scratch.0, &[&"--json", &"--metrics", &metrics, &"--alpha", &"0"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let row = row(&output);
    let of = |metric: &str, order: &str| &row["metrics"][metric][order];
    // Base: the relevant ones stand fifth and first. Reranked: case and spaces are nothing to the tokenizer, the mark is.
    near(&of("mrr@10", "base")["mean"], (0.2 + 1.0) / 2.0);
    near(&of("ndcg@3", "base")["mean"], 0.5);
    near(&of("hit@1", "base")["mean"], 0.5);
    near(&of("recall@4", "base")["mean"], 0.5);
    assert_eq!(row["metrics"]["mrr@10"]["base"]["low"], 0.2);
    assert_eq!(row["metrics"]["mrr@10"]["base"]["high"], 1.0);
    // With alpha 0 the blend is the base.
    for metric in metrics.split(',') {
        assert_eq!(of(metric, "blended"), of(metric, "base"), "{metric}");
        near(&of(metric, "blended_difference")["mean"], 0.0);
        assert_eq!(of(metric, "blended_difference")["better"], 0);
    }
    assert_eq!((&row["queries"], &row["ceiling"]), (&json!(2), &json!(1.0)));
    near(&row["first_stage_mrr10"], 0.6);

    // With alpha 1 it is the model's order.
    let output = evaluate(&scratch.0, &[&"--json", &"--metrics", &metrics, &"--alpha", &"1", &"--per-query"]);
    let row = self::row(&output);
    for metric in metrics.split(',') {
        assert_eq!(row["metrics"][metric]["blended"], row["metrics"][metric]["reranked"], "{metric}");
    }
    assert_eq!(row["per_query"][0]["query"], "open a file");
    assert_eq!(row["per_query"][0]["metrics"]["mrr@10"], json!({"base": 0.2, "reranked": 1.0, "blended": 1.0}));
    assert_eq!(row["metrics"]["mrr@10"]["reranked_difference"]["better"], 1);
}

#[test]
fn without_base_scores_there_is_no_blend() {
    let scratch = Scratch::new("evaluate-no-scores");
    write_benchmark(&scratch, false);
    let row = row(&evaluate(&scratch.0, &[&"--json"]));
    assert!(row["metrics"]["mrr@10"]["reranked"].is_object());
    assert_eq!(row["metrics"]["mrr@10"].get("blended"), None);
}

#[test]
fn scores_that_are_not_one_a_candidate_are_refused() {
    let scratch = Scratch::new("evaluate-bad-scores");
    write_benchmark(&scratch, false);
    let ids = ["d0", "d1"];
    scratch.lines(
        "candidates.jsonl",
        &[json!({"qid": "p", "docs": ids, "bm25": [1.0]}), json!({"qid": "q", "docs": ids})],
    );
    let output = evaluate(&scratch.0, &[]);
    assert!(!output.status.success() && stderr(&output).contains("one finite score"), "{}", stderr(&output));
}

/// `count` triplets of one positive, the model's best, and four negatives.
fn triplets(count: usize) -> Vec<Value> {
    let queries = ["open a file", "close it", "sort the list", "a retry"];
    let row = |i: usize| {
        let query = format!("{} {i}", queries[i % queries.len()]);
        let documents = documents(&query);
        let (_, best) = documents.last().unwrap();
        let others: Vec<_> = documents.iter().take(4).map(|(_, text)| text).collect();
        json!({"query": query, "positive_text": best, "negative_texts": others})
    };
    (0..count).map(row).collect()
}

#[test]
fn triplets_are_one_list_a_query_against_chance() {
    let scratch = Scratch::new("evaluate-triplets");
    let mut rows = triplets(3);
    // The first query again, in other letters and with one more negative: still one list.
    let mut again = rows[0].clone();
    again["query"] = json!("  OPEN a file 0?");
    again["negative_texts"] = json!([rows[0]["negative_texts"][0], "something else"]);
    rows.push(again);
    let file = scratch.lines("held-out.jsonl", &rows);
    let output = evaluate(&file, &[&"--json", &"--metrics", &"mrr@10,hit@1", &"--per-query"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let row = row(&output);
    assert_eq!(row["queries"], 3);
    let sizes: Vec<_> = (0..3).map(|i| row["per_query"][i]["candidates"].as_u64().unwrap()).collect();
    assert_eq!(sizes, [6, 5, 5]);
    let harmonic = |n: u32| (1..=n).map(|rank| 1.0 / f64::from(rank)).sum::<f64>() / f64::from(n);
    near(&row["metrics"]["mrr@10"]["chance"]["mean"], (harmonic(6) + 2.0 * harmonic(5)) / 3.0);
    near(&row["metrics"]["hit@1"]["reranked"]["mean"], 1.0);
    assert!(row["warnings"][0].as_str().unwrap().contains("too few"), "{row}");
}

#[test]
fn a_rank_that_was_logged_gives_the_base_order() {
    let scratch = Scratch::new("evaluate-ranks");
    let mut rows = triplets(2);
    rows[0]["positive_rank"] = json!(2);
    rows[1]["positive_rank"] = json!(40);
    let file = scratch.lines("held-out.jsonl", &rows);
    let row = row(&evaluate(&file, &[&"--json", &"--metrics", &"mrr@10"]));
    // Shown second, and after all four negatives.
    near(&row["metrics"]["mrr@10"]["base"]["mean"], (0.5 + 0.2) / 2.0);
}

#[test]
fn a_model_that_scores_all_alike_does_not_win_by_the_order_of_the_file() {
    let scratch = Scratch::new("evaluate-ties");
    // Texts of the same tokens have the same score, whatever their spaces.
    let row = |i: usize| json!({"query": format!("q {i}"), "positive_text": "a", "negative_texts": [" a", "a ", " a ", "  a"]});
    let file = scratch.lines("held-out.jsonl", &(0..200).map(row).collect::<Vec<_>>());
    let hit = self::row(&evaluate(&file, &[&"--json", &"--metrics", &"hit@1"]))["metrics"]["hit@1"]["reranked"].clone();
    assert!((0.1..0.3).contains(&hit["mean"].as_f64().unwrap()), "{hit}");
}

#[test]
fn a_metric_that_is_1_by_construction_is_printed_and_refused() {
    let scratch = Scratch::new("evaluate-fixed");
    let file = scratch.lines("held-out.jsonl", &triplets(2));
    let output = evaluate(&file, &[&"--metrics", &"mrr@10,hit@5"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("hit@5"), "{}", stdout(&output));
    assert!(
        stderr(&output).contains("REFUSED") && stderr(&output).contains("hit@5 is 1 by construction"),
        "{}",
        stderr(&output)
    );
    assert!(!stderr(&output).contains("mrr@10 is"), "{}", stderr(&output));
    assert!(evaluate(&file, &[&"--metrics", &"mrr@10,hit@4"]).status.success());
}

#[test]
fn queries_that_were_trained_on_are_named_and_refused() {
    let scratch = Scratch::new("evaluate-leak");
    let file = scratch.lines("held-out.jsonl", &triplets(2));
    let train = scratch.lines("train.jsonl", &[json!({"query": "Open a FILE, 0", "text": "x", "label": 1})]);
    let output = evaluate(&file, &[&"--json", &"--metrics", &"mrr@10", &"--train", &train]);
    assert_eq!(output.status.code(), Some(1));
    let refusal = row(&output)["refusals"][0].clone();
    assert_eq!(refusal, "1 of 2 queries occur in the training file: \"open a file 0\"");
    let clean = scratch.lines("clean.jsonl", &[json!({"query": "open a file 7", "text": "x", "label": 1})]);
    assert!(evaluate(&file, &[&"--metrics", &"mrr@10", &"--train", &clean]).status.success());
}

#[test]
fn the_table_lists_every_query_and_the_same_seed_gives_the_same_table() {
    let scratch = Scratch::new("evaluate-table");
    let file = scratch.lines("held-out.jsonl", &triplets(3));
    let table = |seed: &str| {
        let output = evaluate(&file, &[&"--metrics", &"mrr@10", &"--per-query", &"--seed", &seed]);
        // The first line has the seconds.
        stdout(&output).lines().skip(1).collect::<Vec<_>>().join("\n")
    };
    let text = table("1");
    for part in ["chance", "reranked", "reranked - chance", "95 % interval", "3 better, 0 worse", "open a file 0"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert_eq!(text, table("1"));
}

#[test]
fn a_bad_row_is_named_by_its_line() {
    let scratch = Scratch::new("evaluate-bad-row");
    let mut rows = triplets(1);
    rows.push(json!({"query": "x", "positive_text": "y"}));
    let file = scratch.lines("held-out.jsonl", &rows);
    let output = evaluate(&file, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("held-out.jsonl:2") && stderr(&output).contains("negative_texts"),
        "{}",
        stderr(&output)
    );
    let empty = scratch.lines("empty.jsonl", &[]);
    assert!(stderr(&evaluate(&empty, &[])).contains("has no queries"));
}
