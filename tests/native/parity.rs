//! Token ids and logits equal the Python reference's.

use std::collections::HashMap;

use crossrank::{Activation, Precision, Reranker};

use crate::fixtures::{Golden, GoldenPair, fixture, golden, read, root, rounded, tiny, tiny_with};

fn logit(reranker: &Reranker, pair: &GoldenPair, activation: Activation) -> f32 {
    let pairs = [(pair.query.as_str(), pair.document.as_str())];
    pollster::block_on(reranker.predict(&pairs, Some(activation), Some(pair.max_length))).unwrap()[0]
}

fn assert_ids(reranker: &Reranker, golden: &Golden) {
    for pair in &golden.pairs {
        let encoded = reranker.encode(&pair.query, &pair.document, Some(pair.max_length)).unwrap();
        let first = encoded.ids.iter().zip(&pair.input_ids).position(|(ours, theirs)| ours != theirs);
        assert_eq!(first, None, "{}: ids differ from token {first:?} on", pair.name);
        assert_eq!(encoded.ids.len(), pair.input_ids.len(), "{}: number of tokens", pair.name);
        assert_eq!(encoded.segments, pair.token_type_ids, "{}: segments", pair.name);
    }
}

fn assert_logits(reranker: &Reranker, golden: &Golden, tolerance: f32) {
    let worst = golden.pairs.iter().map(|pair| {
        let difference = (logit(reranker, pair, Activation::Identity) - pair.logit).abs();
        assert!(difference <= tolerance, "{}: logit differs by {difference}", pair.name);
        difference
    });
    println!("largest logit difference: {:e}", worst.fold(0.0, f32::max));
}

#[test]
fn ids_of_every_edge_equal_the_reference() {
    let golden = golden("tiny");
    assert!(golden.pairs.len() >= 64);
    assert_ids(&tiny(), &golden);
}

#[test]
fn logits_of_the_tiny_model_equal_the_reference() {
    // 5e-5 tells the exact erf GELU and epsilon 1e-12 from their common mistakes; see tests/reference/README.md.
    assert_logits(&tiny(), &golden("tiny"), 5e-5);
}

#[test]
fn sigmoid_scores_equal_the_reference() {
    let reranker = tiny();
    for pair in golden("tiny").pairs {
        let score = logit(&reranker, &pair, Activation::Sigmoid);
        assert!((score - pair.sigmoid).abs() <= 2e-5, "{}: {score} against {}", pair.name, pair.sigmoid);
    }
}

#[test]
fn f16_and_bf16_weights_are_read() {
    let texts = golden("tiny");
    let by_name: HashMap<_, _> = texts.pairs.iter().map(|pair| (pair.name.as_str(), pair)).collect();
    for folder in ["tiny-f16", "tiny-bf16"] {
        let reranker = tiny_with(&fixture(folder).join("model.safetensors"), Precision::F32);
        for expected in rounded(folder).pairs {
            let found = logit(&reranker, by_name[expected.name.as_str()], Activation::Identity);
            assert!(
                (found - expected.logit).abs() <= 5e-5,
                "{folder} {}: {found} against {}",
                expected.name,
                expected.logit
            );
        }
    }
}

#[test]
fn the_default_model_equals_the_reference() {
    let golden = golden("default");
    assert!(golden.pairs.len() >= 45);
    let reranker = crossrank::cli::load_model(&root().join("model"), Precision::F32).unwrap();
    assert_ids(&reranker, &golden);
    assert_logits(&reranker, &golden, 1e-3);
}

#[test]
fn other_bert_shapes_load_from_their_config() {
    // MiniLM-L2, TinyBERT-2 and BERT-base in width and heads, cut to few layers and words; weights all zero but norms.
    for (hidden, heads, intermediate, layers) in [(384, 12, 1536, 2), (128, 2, 512, 2), (768, 12, 3072, 1)] {
        let config = serde_json::json!({
            "model_type": "bert", "vocab_size": 2560, "hidden_size": hidden, "num_hidden_layers": layers,
            "num_attention_heads": heads, "intermediate_size": intermediate, "max_position_embeddings": 64,
        });
        let config = crossrank::ModelConfig::from_json(config.to_string().as_bytes()).unwrap();
        let file = crate::hostile::file_of_zeros(&config);
        let mut stream = crossrank::WeightsStream::new(&config, Precision::F32);
        stream.push(&file).unwrap();
        let encoder =
            crossrank::PairEncoder::from_json(&read(fixture("tiny/tokenizer.json")), config.vocab_size).unwrap();
        let tensors = stream.finish().unwrap();
        let reranker = Reranker::new(config, encoder, tensors, &crossrank::device::cpu()).unwrap();
        let scores = pollster::block_on(reranker.predict(&[("a", "b c")], None, None)).unwrap();
        assert_eq!(scores, [0.5], "a model of zeros has logit 0, and the default activation is the sigmoid");
    }
}

#[test]
fn the_unquantized_models_goldens_hold_where_they_are_at_hand() {
    // Not part of the repository: f32 arithmetic on the f16 weights that the default model was made from.
    let folder = root().join("../shared/model");
    if !folder.join("golden.json").exists() {
        println!("no ../shared/model/golden.json here");
        return;
    }
    let golden = original(&folder.join("golden.json"));
    let reranker = crossrank::cli::load_model(&folder, Precision::F32).unwrap();
    assert_ids(&reranker, &golden);
    assert_logits(&reranker, &golden, 1e-3);
}

/// The same values under other names: `doc`, `kind`, no `max_length` (512) and no sigmoid.
fn original(path: &std::path::Path) -> Golden {
    let file: serde_json::Value = serde_json::from_slice(&read(path)).unwrap();
    let pairs = file["pairs"].as_array().unwrap().iter().map(|pair| GoldenPair {
        name: pair["kind"].as_str().unwrap().to_owned(),
        query: pair["query"].as_str().unwrap().to_owned(),
        document: pair["doc"].as_str().unwrap().to_owned(),
        max_length: 512,
        input_ids: serde_json::from_value(pair["input_ids"].clone()).unwrap(),
        token_type_ids: serde_json::from_value(pair["token_type_ids"].clone()).unwrap(),
        logit: pair["logit"].as_f64().unwrap() as f32,
        sigmoid: f32::NAN,
    });
    Golden { pairs: pairs.collect() }
}
