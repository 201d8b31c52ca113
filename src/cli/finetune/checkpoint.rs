//! What an interrupted run goes on from: weights, the optimiser's moments, the number of the step. A new checkpoint is
//! written beside the old one and takes its place when it is complete, so one good checkpoint is always there.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::tensors::{self, Floats};
use crate::cli::files;
use crate::error::{Code, Error, Result};
use crate::limits;
use crate::train::{NamedTensor, Trainer};

const FORMAT: &str = "crossrank-checkpoint-1";

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    pub format: String,
    /// SHA-256 of everything that decides the result: settings, data and base weights.
    pub run: String,
    /// Steps made.
    pub step: usize,
    /// The best evaluation so far.
    pub best: Option<Best>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Best {
    pub step: usize,
    pub loss: f64,
}

impl State {
    pub(super) fn new(run: &str) -> Self {
        Self { format: FORMAT.to_owned(), run: run.to_owned(), step: 0, best: None }
    }
}

/// The checkpoints of an output folder.
pub(super) struct Checkpoints {
    folder: PathBuf,
}

impl Checkpoints {
    pub(super) fn new(out: &Path) -> Self {
        Self { folder: out.to_owned() }
    }

    /// The folder of the last complete checkpoint.
    pub(super) fn last(&self) -> Option<PathBuf> {
        // Between two renames there is a moment with only the old one.
        ["checkpoint", "checkpoint.old"].map(|name| self.folder.join(name)).into_iter().find(|path| path.exists())
    }

    /// The weights of the best evaluation.
    pub(super) fn best(&self) -> PathBuf {
        self.folder.join("best.safetensors")
    }

    pub(super) fn save(&self, trainer: &Trainer, state: &State) -> Result<()> {
        let weights = trainer.weights()?;
        check_finite(&weights)?;
        let [new, place, old] = ["checkpoint.new", "checkpoint", "checkpoint.old"].map(|name| self.folder.join(name));
        make(&new)?;
        tensors::write(&new.join("model.safetensors"), weights.iter().map(Floats::of))?;
        drop(weights);
        let moments = trainer.moments().flat_map(|(name, moments)| {
            ["first", "second"]
                .into_iter()
                .zip(moments)
                .map(move |(kind, values)| (format!("{kind}.{name}"), Floats { shape: vec![values.len()], values }))
        });
        tensors::write(&new.join("optimizer.safetensors"), moments)?;
        files::write(&new.join("state.json"), json(state)?.as_bytes())?;
        if place.exists() {
            rename(&place, &old)?;
        }
        rename(&new, &place)?;
        remove(&old)
    }

    pub(super) fn save_best(&self, trainer: &Trainer) -> Result<()> {
        let weights = trainer.weights()?;
        check_finite(&weights)?;
        tensors::write(&self.best(), weights.iter().map(Floats::of))
    }

    pub(super) fn state(&self, checkpoint: &Path) -> Result<State> {
        let path = checkpoint.join("state.json");
        let place = path.display().to_string();
        let bytes = files::read(&path, limits::MAX_CONFIG_BYTES)?;
        let state: State =
            serde_json::from_slice(&bytes).map_err(|e| Error::model(&place, "is not a checkpoint").caused_by(e))?;
        if state.format != FORMAT {
            return Err(Error::model(place, format!("is {}; expected {FORMAT}", state.format)));
        }
        Ok(state)
    }

    pub(super) fn restore(&self, checkpoint: &Path, state: &State, trainer: &mut Trainer) -> Result<()> {
        let mut take = tensors::reader(&checkpoint.join("optimizer.safetensors"))?;
        trainer.resume(state.step, |name| Ok([take(&format!("first.{name}"))?, take(&format!("second.{name}"))?]))
    }

    /// Removes everything that only an unfinished run needs.
    pub(super) fn clear(&self) -> Result<()> {
        for name in ["checkpoint", "checkpoint.old", "checkpoint.new"] {
            remove(&self.folder.join(name))?;
        }
        match fs::remove_file(self.best()) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(failed(&self.best(), "cannot be removed", e)),
            _ => Ok(()),
        }
    }
}

pub(super) fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|e| failed(folder, "cannot be made", e))
}

fn check_finite(weights: &[NamedTensor]) -> Result<()> {
    match weights.iter().find(|tensor| tensor.values.iter().any(|value| !value.is_finite())) {
        Some(tensor) => Err(Error::new(Code::NonFinite, &tensor.name, "holds a weight that is not a finite number")),
        None => Ok(()),
    }
}

fn json(state: &State) -> Result<String> {
    serde_json::to_string_pretty(state).map_err(|e| Error::new(Code::Internal, "state.json", "not JSON").caused_by(e))
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|e| failed(from, "cannot be renamed", e))
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(failed(folder, "cannot be removed", e)),
        _ => Ok(()),
    }
}

fn failed(path: &Path, message: &str, cause: std::io::Error) -> Error {
    Error::new(Code::File, path.display().to_string(), message).caused_by(cause)
}
