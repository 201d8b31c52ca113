//! The int8 encoder against the f32 one, and what int8 promises on its own: bit-identical scores in any company.

use crossrank::cli::{QuantizeArgs, load_model, quantize};
use crossrank::weights::WordsForm;
use crossrank::{Activation, Precision, Reranker};

use crate::fixtures::{Golden, fixture, golden, root, tiny_with};
use crate::run::Scratch;

fn texts(golden: &Golden) -> Vec<(&str, &str)> {
    golden.pairs.iter().map(|pair| (pair.query.as_str(), pair.document.as_str())).collect()
}

fn quantized_tiny(test: &str, words: WordsForm) -> Scratch {
    let folder = Scratch::new(&format!("{test}-{words:?}"));
    let args = QuantizeArgs {
        input: fixture("tiny"),
        output: folder.0.clone(),
        id: None,
        license: "unknown".to_owned(),
        shard_bytes: 20_000,
        words,
    };
    quantize(&args).unwrap();
    folder
}

fn predict(reranker: &Reranker, pairs: &[(&str, &str)]) -> Vec<f32> {
    pollster::block_on(reranker.predict(pairs, Some(Activation::Identity), None)).unwrap()
}

/// Mean and largest difference between int8 and the golden f32 logits of `name`.
fn differences(reranker: &Reranker, golden: &Golden) -> (f32, f32) {
    let differences: Vec<f32> = golden
        .pairs
        .iter()
        .map(|pair| {
            let pairs = [(pair.query.as_str(), pair.document.as_str())];
            let scores = reranker.predict(&pairs, Some(Activation::Identity), Some(pair.max_length));
            (pollster::block_on(scores).unwrap()[0] - pair.logit).abs()
        })
        .collect();
    let worst = differences.iter().copied().fold(0.0, f32::max);
    (differences.iter().sum::<f32>() / differences.len() as f32, worst)
}

// The tolerances are those of tests/reference/README.md, where they were simulated independently in numpy.

#[test]
fn the_default_model_stays_near_its_f32_logits() {
    let reranker = load_model(&root().join("model"), Precision::Int8).unwrap();
    let (mean, worst) = differences(&reranker, &golden("default"));
    println!("int8 against f32, default model: mean {mean}, largest {worst}");
    assert!(mean <= 0.06 && worst <= 0.25, "mean {mean}, largest {worst}");
}

/// What a GPU's canaries are compared with: int8 weights, activations in f32, as in f32 precision over the same file.
#[test]
fn canary_logits_are_those_of_f32_activations() {
    let logits = |precision| {
        let reranker = load_model(&root().join("model"), precision).unwrap();
        pollster::block_on(reranker.canary_logits()).unwrap()
    };
    let (int8, f32) = (logits(Precision::Int8), logits(Precision::F32));
    assert!(f32[0] - f32[1] > 4.0, "the canaries are far apart: {f32:?}");
    for (int8, f32) in int8.iter().zip(&f32) {
        assert!((int8 - f32).abs() < 1e-4, "{int8} is not {f32}");
    }
}

#[test]
fn a_guarded_call_gives_the_scores_of_the_call_and_a_wrong_canary_an_error() {
    let reranker = tiny_with(&fixture("tiny/model.safetensors"), Precision::Int8);
    let golden = golden("tiny");
    let pairs = texts(&golden);
    // On the CPU activations are quantised, so its own canaries are those of a forward pass as it is.
    let guarded = |logits: &[f32]| {
        let canaries = reranker.canaries(logits).unwrap();
        let mut job = reranker.begin(&pairs, None).unwrap();
        while let Some((batch, placed)) = job.next_guarded(Some(&canaries)) {
            let logits = pollster::block_on(reranker.forward(batch)).unwrap();
            job.store(&placed.check(logits)?)?;
        }
        job.scores(Activation::Identity)
    };
    let own: Vec<f32> = reranker.canary_texts().map(|pair| predict(&reranker, &[pair])[0]).to_vec();
    assert_eq!(guarded(&own).unwrap(), predict(&reranker, &pairs));
    let wrong = guarded(&[own[0], own[1] + 0.1]).unwrap_err();
    assert_eq!(wrong.code(), crossrank::Code::GpuUntrusted);
    assert!(reranker.canaries(&[1.0]).is_err() && reranker.canaries(&[1.0, f32::NAN]).is_err());
}

#[test]
fn the_tiny_model_stays_near_its_f32_logits() {
    let reranker = tiny_with(&fixture("tiny/model.safetensors"), Precision::Int8);
    let (mean, worst) = differences(&reranker, &golden("tiny"));
    println!("int8 against f32, tiny model: mean {mean}, largest {worst}");
    assert!(mean <= 0.09 && worst <= 0.4, "mean {mean}, largest {worst}");
    let int4 = quantized_tiny("golden", WordsForm::Int4);
    let (mean, worst) = differences(&load_model(&int4.0, Precision::Int8).unwrap(), &golden("tiny"));
    println!("the same with words in 4 bits: mean {mean}, largest {worst}");
    assert!(mean <= 0.16 && worst <= 0.7, "mean {mean}, largest {worst}");
}

#[test]
fn activations_alone_stay_nearer_for_either_form_of_the_words() {
    for words in [WordsForm::Int4, WordsForm::Int8] {
        let folder = quantized_tiny("activations", words);
        let [int8, f32] = [Precision::Int8, Precision::F32].map(|precision| load_model(&folder.0, precision).unwrap());
        let golden = golden("tiny");
        let (ours, exact) = (predict(&int8, &texts(&golden)), predict(&f32, &texts(&golden)));
        let differences: Vec<f32> = ours.iter().zip(&exact).map(|(ours, exact)| (ours - exact).abs()).collect();
        let worst = differences.iter().copied().fold(0.0, f32::max);
        let mean = differences.iter().sum::<f32>() / differences.len() as f32;
        println!("int8 against f32 of the same weights, words in {words:?}: mean {mean}, largest {worst}");
        assert!(mean <= 0.06 && worst <= 0.3, "{words:?}: mean {mean}, largest {worst}");
    }
}

#[test]
fn a_score_is_bit_identical_in_any_company_and_order() {
    let reranker = tiny_with(&fixture("tiny/model.safetensors"), Precision::Int8);
    let golden = golden("tiny");
    let pairs = texts(&golden);
    let together = predict(&reranker, &pairs);
    let mut reversed = pairs.clone();
    reversed.reverse();
    let mut backwards = predict(&reranker, &reversed);
    backwards.reverse();
    assert_eq!(together, backwards);
    for (pair, score) in pairs.iter().zip(together) {
        assert_eq!(predict(&reranker, &[*pair]), [score]);
    }
}

#[test]
fn a_float_folder_quantised_on_load_scores_like_the_quantised_folder() {
    let folder = quantized_tiny("on-load", WordsForm::Int8);
    let (folder, on_load) =
        (load_model(&folder.0, Precision::Int8), tiny_with(&fixture("tiny/model.safetensors"), Precision::Int8));
    let golden = golden("tiny");
    assert_eq!(predict(&folder.unwrap(), &texts(&golden)), predict(&on_load, &texts(&golden)));
}
