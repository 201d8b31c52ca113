//! Training against torch and sentence-transformers: losses of every step, logits afterwards, gradients. The golden values
//! are made by `tests/reference/finetune.py`.

use std::collections::HashMap;

use crossrank::train::{AdamW, Batch, Loss, NamedTensor, Schedule, Settings, Targets, Trainer};
use crossrank::{ModelConfig, PairEncoder, Precision, WeightsStream, device};
use safetensors::SafeTensors;
use serde::Deserialize;

use crate::fixtures::{fixture, golden, read};

#[derive(Deserialize)]
struct Runs {
    max_length: usize,
    group: usize,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    name: String,
    loss: String,
    steps: usize,
    lr: f64,
    pos_weight: Option<f32>,
    temperature: Option<f32>,
    #[serde(default)]
    warm_up: usize,
    #[serde(default)]
    weight_decay: f64,
    #[serde(default)]
    freeze: bool,
    batches: Vec<GoldenBatch>,
    losses: Vec<f64>,
    norms: Vec<f64>,
    logits: Vec<f32>,
}

#[derive(Deserialize)]
struct GoldenBatch {
    pairs: Vec<usize>,
    targets: Vec<f32>,
}

fn runs() -> Runs {
    serde_json::from_slice(&read(fixture("finetune/golden.json"))).unwrap()
}

fn config() -> ModelConfig {
    ModelConfig::from_json(&read(fixture("tiny/config.json"))).unwrap()
}

fn encoder() -> PairEncoder {
    PairEncoder::from_json(&read(fixture("tiny/tokenizer.json")), config().vocab_size).unwrap()
}

fn loss(run: &Run) -> Loss {
    match run.loss.as_str() {
        "bce" => Loss::BinaryCrossEntropy { pos_weight: run.pos_weight.unwrap_or(1.0) },
        "listwise" => Loss::Listwise,
        "mse" => Loss::DistillMse,
        "kl" => Loss::DistillKl { temperature: run.temperature.unwrap() },
        other => panic!("{other}"),
    }
}

fn trainer(run: &Run, dropout: f32) -> Trainer {
    let mut stream = WeightsStream::new(&config(), Precision::F32);
    stream.push(&read(fixture("tiny/model.safetensors"))).unwrap();
    let settings = Settings {
        loss: loss(run),
        optimizer: AdamW { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8, weight_decay: run.weight_decay },
        schedule: Schedule { rate: run.lr, warm_up: run.warm_up, steps: run.steps },
        largest_norm: 1.0,
        dropout,
        seed: 42,
        freeze_embeddings: run.freeze,
        padding_id: Some(0),
    };
    Trainer::new(&config(), stream.finish().unwrap(), &device::cpu(), settings).unwrap()
}

fn batches(run: &Run, all: &Runs) -> Vec<Batch> {
    let encoder = encoder();
    let texts = golden("tiny").pairs;
    let batch = |golden: &GoldenBatch| {
        let pairs = golden.pairs.iter().map(|index| {
            let pair = &texts[*index];
            encoder.encode_pair(&pair.query, &pair.document, all.max_length).unwrap()
        });
        let groups = match loss(run).is_over_groups() {
            true => (0..golden.pairs.len()).step_by(all.group).map(|start| start..start + all.group).collect(),
            false => Vec::new(),
        };
        Batch { pairs: pairs.collect(), targets: Targets { values: golden.targets.clone(), groups } }
    };
    run.batches.iter().map(batch).collect()
}

fn assert_like_torch(name: &str) {
    let all = runs();
    let run = all.runs.iter().find(|run| run.name == name).unwrap();
    let mut trainer = trainer(run, 0.0);
    let before = trainer.weights().unwrap();
    let mut worst = 0.0_f64;
    for (index, batch) in batches(run, &all).into_iter().enumerate() {
        let step = trainer.step(&[batch]).unwrap();
        let apart = |found: f64, expected: f64| (found - expected).abs() / expected.abs();
        let off = apart(step.loss, run.losses[index]);
        assert!(off <= 1e-4, "{name}, step {index}: loss {} against {}", step.loss, run.losses[index]);
        assert!(
            apart(step.gradient_norm, run.norms[index]) <= 1e-2,
            "{name}, step {index}: norm {}",
            step.gradient_norm
        );
        worst = worst.max(off);
    }
    let encoder = encoder();
    let texts = golden("tiny").pairs;
    let encoded: Vec<_> =
        texts.iter().map(|pair| encoder.encode_pair(&pair.query, &pair.document, all.max_length).unwrap()).collect();
    let logits = trainer.logits(&encoded).unwrap();
    let apart = logits.iter().zip(&run.logits).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("{name}: losses within {worst:.1e}, logits within {apart:.1e}");
    assert!(apart <= 2e-3, "{name}: logits differ by {apart}");
    for (before, after) in before.iter().zip(trainer.weights().unwrap()) {
        let is_frozen = run.freeze && before.name.starts_with("bert.embeddings.");
        assert_eq!(before.values == after.values, is_frozen, "{}", before.name);
    }
}

#[test]
fn thirty_steps_are_those_of_torch() {
    assert_like_torch("bce");
}

#[test]
fn a_positive_weight_and_a_warm_up_are_those_of_torch() {
    assert_like_torch("bce-weighted");
}

#[test]
fn listwise_training_with_weight_decay_is_that_of_torch() {
    assert_like_torch("listwise");
}

#[test]
fn distillation_by_mse_with_frozen_embeddings_is_that_of_torch() {
    assert_like_torch("mse");
}

#[test]
fn distillation_by_divergence_is_that_of_torch() {
    assert_like_torch("kl");
}

fn norm(values: impl IntoIterator<Item = f32>) -> f64 {
    values.into_iter().map(|value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn the_gradient_of_every_parameter_is_that_of_torch() {
    let all = runs();
    let run = &all.runs[0];
    let found = trainer(run, 0.0).gradients(&batches(run, &all)[..1]).unwrap();
    let bytes = read(fixture("finetune/gradients.safetensors"));
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let floats = |name: &str| -> Vec<f32> {
        let words = file.tensor(name).unwrap().data().as_chunks::<4>().0.to_vec();
        words.into_iter().map(f32::from_le_bytes).collect()
    };
    let tensors = file.names().into_iter().filter(|name| !name.ends_with(".rows")).count();
    assert_eq!(found.len(), tensors, "every parameter has a gradient");
    let whole = norm(found.iter().flat_map(|tensor| tensor.values.iter().copied()));
    for NamedTensor { name, shape, values } in found {
        let mut expected = floats(&name);
        if let Ok(rows) = file.tensor(&format!("{name}.rows")) {
            let width = shape[1];
            let rows = rows.data().as_chunks::<4>().0.iter().map(|word| i32::from_le_bytes(*word) as usize);
            let mut table = vec![0.0; values.len()];
            for (row, from) in rows.zip(expected.chunks(width)) {
                table[row * width..(row + 1) * width].copy_from_slice(from);
            }
            expected = table;
        }
        assert_eq!(values.len(), expected.len(), "{name}");
        let apart = norm(values.iter().zip(&expected).map(|(a, b)| a - b));
        if name.ends_with("self.key.bias") {
            // Exactly 0 on paper, for softmax takes it out; rounding noise on both sides.
            assert!(norm(values) <= 1e-6 * whole, "{name}");
            continue;
        }
        let relative = apart / norm(expected);
        assert!(relative <= 1e-3, "{name}: gradient off by {relative:.1e}");
    }
}

#[test]
fn accumulated_batches_are_one_batch() {
    let all = runs();
    for name in ["bce", "listwise"] {
        let run = all.runs.iter().find(|run| run.name == name).unwrap();
        let whole = batches(run, &all).remove(0);
        // Unequal parts: one group of four, and the rest.
        let part = |range: std::ops::Range<usize>| Batch {
            pairs: whole.pairs[range.clone()].to_vec(),
            targets: Targets {
                values: whole.targets.values[range.clone()].to_vec(),
                groups: whole
                    .targets
                    .groups
                    .iter()
                    .filter(|g| range.contains(&g.start))
                    .map(|g| g.start - range.start..g.end - range.start)
                    .collect(),
            },
        };
        let parts = [part(0..4), part(4..whole.pairs.len())];
        let (mut together, mut apart) = (trainer(run, 0.0), trainer(run, 0.0));
        let (one, two) = (together.step(&[whole]).unwrap(), apart.step(&parts).unwrap());
        assert!((one.loss - two.loss).abs() <= 1e-5 * one.loss, "{name}: {one:?} {two:?}");
        assert!((one.gradient_norm - two.gradient_norm).abs() <= 1e-4 * one.gradient_norm, "{name}: {one:?} {two:?}");
    }
}

#[test]
fn dropout_changes_the_loss_with_the_step_and_not_by_chance() {
    let all = runs();
    let run = &all.runs[0];
    let batch = &batches(run, &all)[..1];
    let losses = |dropout: f32| {
        let mut trainer = trainer(run, dropout);
        [trainer.step(batch).unwrap().loss, trainer.step(batch).unwrap().loss]
    };
    assert_eq!(losses(0.1), losses(0.1), "same seed, same masks");
    assert_ne!(losses(0.1)[0], losses(0.0)[0]);
}

#[test]
fn dropout_has_the_gradients_of_its_own_masks() {
    // The masks of a step depend on the seed and the number of the step only, so the loss is a function of the weights that can
    // be differentiated by differences.
    let all = runs();
    let run = &all.runs[0];
    let batch = &batches(run, &all)[..1];
    let base = trainer(run, 0.3);
    let gradients: HashMap<_, _> = base.gradients(batch).unwrap().into_iter().map(|t| (t.name, t.values)).collect();
    for name in [
        "bert.encoder.layer.0.attention.self.query.weight",
        "bert.encoder.layer.1.output.dense.bias",
        "bert.embeddings.LayerNorm.weight",
    ] {
        let gradient = &gradients[name];
        // Along the gradient, where the slope is its norm.
        let length = norm(gradient.iter().copied());
        let moved = |by: f64| {
            let mut stream = WeightsStream::new(&config(), Precision::F32);
            stream
                .push(&crate::fixtures::with_tensor(&read(fixture("tiny/model.safetensors")), name, |values| {
                    for (value, slope) in values.iter_mut().zip(gradient) {
                        *value += (by * f64::from(*slope) / length) as f32;
                    }
                }))
                .unwrap();
            let mut settings = *base.settings();
            settings.schedule.rate = 0.0;
            Trainer::new(&config(), stream.finish().unwrap(), &device::cpu(), settings)
                .unwrap()
                .step(batch)
                .unwrap()
                .loss
        };
        let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
        assert!((slope - length).abs() <= 0.03 * length, "{name}: slope {slope}, gradient {length}");
    }
}
