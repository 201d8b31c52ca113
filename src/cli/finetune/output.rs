//! Writes the result: a Hugging Face folder that sentence-transformers opens, the int8 form in `int8/`, the model card, the
//! loss curve.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::card::{self, Card};
use super::curve;
use super::held_out::Rank;
use super::job::{Base, Job};
use super::report::{Change, Comparison, changes};
use super::run::Finished;
use super::tensors::{self, Floats};
use crate::cli::files;
use crate::cli::quantize::{QuantizeArgs, quantize};
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::rank::Activation;

impl Finished {
    /// Writes the model and removes what only an unfinished run needs. `folds` are the changes of all folds.
    pub(super) fn finish(self, job: &Job, folds: Option<&[Change]>) -> Result<()> {
        let out = &job.out;
        let held_out = self.held_out_changes();
        let curve = curve::svg(
            &self.log.losses(),
            &self.log.evaluations().iter().map(|(step, loss, ..)| (*step, *loss)).collect::<Vec<_>>(),
        );
        files::write(&out.join("curve.svg"), curve.as_bytes())?;
        write_changes(&out.join("held-out.jsonl"), &held_out)?;
        self.write_weights(&out.join("model.safetensors"))?;
        files::write(&out.join("tokenizer.json"), &job.base.tokenizer_json)?;
        files::write(&out.join("tokenizer_config.json"), &tokenizer_config(&job.base, job.max_length)?)?;
        let card = Card {
            job,
            log: &self.log,
            best: self.best,
            held_out: Comparison::of(&held_out),
            folds: folds.and_then(Comparison::of),
        };
        files::write(&out.join("README.md"), card::markdown(&card).as_bytes())?;
        // The last of the Hugging Face files: with it the folder counts as finished.
        let config = config(&job.base)?;
        files::write(&out.join("config.json.new"), &config)?;
        fs::rename(out.join("config.json.new"), out.join("config.json"))
            .map_err(|e| Error::new(Code::File, out.display().to_string(), "cannot be written").caused_by(e))?;
        quantize(&QuantizeArgs {
            input: out.clone(),
            output: out.join("int8"),
            id: Some(job.id()),
            license: job.license(),
            shard_bytes: crate::cli::quantize::DEFAULT_SHARD_BYTES,
            words: crate::weights::WordsForm::default(),
        })?;
        self.checkpoints.clear()?;
        self.print(job, &card);
        Ok(())
    }

    /// What a fold leaves: its ranks.
    pub(super) fn finish_fold(self, path: &Path) -> Result<()> {
        write_changes(path, &self.held_out_changes())?;
        self.checkpoints.clear()
    }

    /// Held-out ranks before the first step against those of the weights that are written.
    fn held_out_changes(&self) -> Vec<Change> {
        let evaluations = self.log.evaluations();
        let at = |step: usize| {
            let found = evaluations.iter().find(|(at, ..)| *at == step).map(|(.., ranks)| *ranks);
            found.unwrap_or_default()
        };
        let none: &[Rank] = &[];
        changes(at(0), self.best.map_or(none, |best| at(best.step)))
    }

    fn write_weights(&self, path: &Path) -> Result<()> {
        if self.best.is_some() {
            fs::copy(&self.best_weights, path)
                .map_err(|e| Error::new(Code::File, path.display().to_string(), "cannot be written").caused_by(e))?;
            return Ok(());
        }
        tensors::write(path, self.trainer.weights()?.iter().map(Floats::of))
    }

    fn print(&self, job: &Job, card: &Card<'_>) {
        println!("{}: {} steps", job.out.display(), self.trainer.done());
        if let Some(found) = &card.held_out {
            println!("{}", found.table(job.held_out.as_ref().map(super::held_out::HeldOut::random_mrr)));
            println!("{}", found.verdict());
        }
        if let Some(found) = &card.folds {
            println!("all folds:\n{}{}", found.table(None), found.verdict());
        }
    }
}

/// The rows that [`write_changes`] wrote.
pub(super) fn read_changes(path: &Path) -> Result<Vec<Change>> {
    let place = path.display().to_string();
    let bytes = files::read(path, limits::MAX_TRAINING_BYTES)?;
    let text = String::from_utf8_lossy(&bytes);
    let rows = text.lines().enumerate().map(|(row, line)| {
        serde_json::from_str(line)
            .map_err(|e| Error::model(format!("{place}:{}", row + 1), "unexpected row").caused_by(e))
    });
    rows.collect()
}

fn write_changes(path: &Path, changes: &[Change]) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut text = String::new();
    for change in changes {
        text += &serde_json::to_string(change)
            .map_err(|e| Error::new(Code::Internal, "held-out.jsonl", "not JSON").caused_by(e))?;
        text.push('\n');
    }
    files::write(path, text.as_bytes())
}

/// The base's configuration, saying what the written weights are and which activation belongs to them.
fn config(base: &Base) -> Result<Vec<u8>> {
    let mut config: Map<String, Value> = serde_json::from_slice(&base.config_json)
        .map_err(|e| Error::model("config.json", "is not a JSON object").caused_by(e))?;
    for old in ["torch_dtype", "num_labels", "sbert_ce_default_activation_function"] {
        config.remove(old);
    }
    let activation = match base.config.activation {
        Activation::Identity => "torch.nn.modules.linear.Identity",
        Activation::Sigmoid => "torch.nn.modules.activation.Sigmoid",
    };
    let version = config.get("sentence_transformers").and_then(|own| own.get("version")).cloned();
    let version = version.unwrap_or_else(|| json!("5.1.1"));
    let own = [
        ("architectures", json!(["BertForSequenceClassification"])),
        ("dtype", json!("float32")),
        ("id2label", json!({"0": "LABEL_0"})),
        ("label2id", json!({"LABEL_0": 0})),
        ("sentence_transformers", json!({"activation_fn": activation, "version": version})),
    ];
    config.extend(own.map(|(key, value)| (key.to_owned(), value)));
    pretty(&Value::Object(config))
}

/// The base's `tokenizer_config.json`, or where it has none, what BERT's says, with the longest pair that was trained on.
fn tokenizer_config(base: &Base, max_length: usize) -> Result<Vec<u8>> {
    let path = base.folder.join("tokenizer_config.json");
    if path.exists() {
        return files::read(&path, limits::MAX_CONFIG_BYTES);
    }
    let tokenizer: Value = serde_json::from_slice(&base.tokenizer_json)
        .map_err(|e| Error::model("tokenizer.json", "is not JSON").caused_by(e))?;
    let normalizer = tokenizer.get("normalizer").cloned().unwrap_or_default();
    let of = |key: &str, default: Value| normalizer.get(key).cloned().unwrap_or(default);
    pretty(&json!({
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": of("lowercase", json!(true)),
        "strip_accents": of("strip_accents", Value::Null),
        "tokenize_chinese_chars": of("handle_chinese_chars", json!(true)),
        "model_max_length": max_length,
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "mask_token": "[MASK]",
    }))
}

fn pretty(value: &Value) -> Result<Vec<u8>> {
    let json = serde_json::to_string_pretty(value)
        .map_err(|e| Error::new(Code::Internal, "config", "not JSON").caused_by(e))?;
    Ok((json + "\n").into_bytes())
}
