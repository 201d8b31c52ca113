//! `log.jsonl`: one object for every step and every evaluation. It is what the curve and the model card are made from, and
//! what a resumed run goes on with.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::held_out::Rank;
use crate::cli::files;
use crate::error::{Code, Error, Result};
use crate::limits;

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Line {
    /// A step of the optimiser.
    Step {
        step: usize,
        epoch: f64,
        loss: f64,
        gradient_norm: f64,
        learning_rate: f64,
        pairs: usize,
        tokens: usize,
        seconds: f64,
    },
    /// An evaluation on the held-out queries, after `step` steps.
    Evaluation { step: usize, loss: f64, mrr: Option<f64>, ranks: Vec<Rank> },
}

impl Line {
    pub(super) const fn step(&self) -> usize {
        match self {
            Self::Step { step, .. } | Self::Evaluation { step, .. } => *step,
        }
    }
}

/// The log of a run.
pub(super) struct Log {
    path: PathBuf,
    file: File,
    pub lines: Vec<Line>,
}

impl Log {
    /// Opens the log of `folder`; what it has beyond `step` steps was lost with an interruption and is cut off.
    pub(super) fn open(folder: &Path, step: Option<usize>) -> Result<Self> {
        let path = folder.join("log.jsonl");
        let lines = match step {
            Some(step) => read(&path)?.into_iter().filter(|line| line.step() <= step).collect(),
            None => Vec::new(),
        };
        let text: String = lines.iter().map(line_of).collect::<Result<_>>()?;
        files::write(&path, text.as_bytes())?;
        let file = OpenOptions::new().append(true).open(&path).map_err(|e| failed(&path, e))?;
        Ok(Self { path, file, lines })
    }

    pub(super) fn add(&mut self, line: Line) -> Result<()> {
        let text = line_of(&line)?;
        self.file.write_all(text.as_bytes()).map_err(|e| failed(&self.path, e))?;
        self.lines.push(line);
        Ok(())
    }

    /// Steps with their losses.
    pub(super) fn losses(&self) -> Vec<(usize, f64)> {
        let of = |line: &Line| match line {
            Line::Step { step, loss, .. } => Some((*step, *loss)),
            Line::Evaluation { .. } => None,
        };
        self.lines.iter().filter_map(of).collect()
    }

    /// Evaluations: steps made, loss, mean reciprocal rank, and each query's rank.
    pub(super) fn evaluations(&self) -> Vec<(usize, f64, Option<f64>, &[Rank])> {
        self.lines
            .iter()
            .filter_map(|line| match line {
                Line::Evaluation { step, loss, mrr, ranks } => Some((*step, *loss, *mrr, ranks.as_slice())),
                Line::Step { .. } => None,
            })
            .collect()
    }
}

fn read(path: &Path) -> Result<Vec<Line>> {
    let place = path.display().to_string();
    let bytes = files::read(path, limits::MAX_TRAINING_BYTES)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = Vec::new();
    for (row, line) in text.lines().enumerate() {
        match serde_json::from_str(line) {
            Ok(line) => lines.push(line),
            // The last line may have been cut off with the process; it is beyond the checkpoint then.
            Err(_) if row + 1 == text.lines().count() => {}
            Err(e) => return Err(Error::model(format!("{place}:{}", row + 1), "is not a log line").caused_by(e)),
        }
    }
    Ok(lines)
}

fn line_of(line: &Line) -> Result<String> {
    let json = serde_json::to_string(line).map_err(|e| Error::new(Code::Internal, "log", "not JSON").caused_by(e))?;
    Ok(json + "\n")
}

fn failed(path: &Path, cause: std::io::Error) -> Error {
    Error::new(Code::File, path.display().to_string(), "cannot be written").caused_by(cause)
}
