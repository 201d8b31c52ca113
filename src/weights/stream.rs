//! Reads a safetensors file as its bytes arrive, however they are cut: shards in order, or chunks from a network.
//!
//! Peak memory is the decoded model plus the tensor being received. An int8 tensor whose scales come later in the file
//! waits as bytes.

use std::collections::{HashMap, VecDeque};

use safetensors::Dtype;

use super::header::{self, Entry};
use super::names::{IGNORED, expected_tensors, scale_name};
use super::{Tensors, decode};
use crate::config::ModelConfig;
use crate::error::{Error, Result, check_limit};
use crate::limits;

const PLACE: &str = "weights";
const LENGTH_BYTES: usize = 8;

/// Collects a model's weights. [`push`](Self::push) bytes in file order, then [`finish`](Self::finish).
#[derive(Debug)]
pub struct WeightsStream {
    config: ModelConfig,
    state: State,
    buffer: Vec<u8>,
    tensors: Tensors,
    waiting: HashMap<String, (Vec<u8>, usize)>,
    scales: HashMap<String, Vec<f32>>,
}

#[derive(Debug)]
enum State {
    Length,
    Header { bytes: usize },
    Data { rest: VecDeque<Entry> },
}

impl WeightsStream {
    /// A stream of the weights of a model of shape `config`.
    #[must_use]
    pub fn new(config: &ModelConfig) -> Self {
        Self {
            config: config.clone(),
            state: State::Length,
            buffer: Vec::new(),
            tensors: Tensors::default(),
            waiting: HashMap::new(),
            scales: HashMap::new(),
        }
    }

    /// Takes the next bytes of the file.
    ///
    /// # Errors
    /// `MODEL_INVALID` naming the tensor or `LIMIT`, as soon as the bytes show it. The stream is then of no further use.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<()> {
        loop {
            let Some(wanted) = self.bytes_wanted() else {
                return if bytes.is_empty() { Ok(()) } else { Err(Error::model(PLACE, "bytes after the last tensor")) };
            };
            let missing = wanted - self.buffer.len();
            let Some((head, tail)) = bytes.split_at_checked(missing) else {
                self.buffer.reserve_exact(missing);
                self.buffer.extend_from_slice(bytes);
                return Ok(());
            };
            bytes = tail;
            if self.buffer.is_empty() {
                self.take_piece(head)?;
            } else {
                let mut piece = std::mem::take(&mut self.buffer);
                piece.extend_from_slice(head);
                self.take_piece(&piece)?;
            }
        }
    }

    /// The decoded tensors, once all bytes are in.
    ///
    /// # Errors
    /// `MODEL_INVALID` if the file ends early.
    pub fn finish(self) -> Result<Tensors> {
        match &self.state {
            State::Data { rest } => match rest.front() {
                None => Ok(self.tensors),
                Some(entry) => Err(Error::model(&entry.name, "the file ends before this tensor does")),
            },
            State::Length | State::Header { .. } => Err(Error::model(PLACE, "the file ends within its header")),
        }
    }

    /// Length of the piece being received, or `None` after the last.
    fn bytes_wanted(&self) -> Option<usize> {
        match &self.state {
            State::Length => Some(LENGTH_BYTES),
            State::Header { bytes } => Some(*bytes),
            State::Data { rest } => rest.front().map(|entry| entry.bytes),
        }
    }

    fn take_piece(&mut self, piece: &[u8]) -> Result<()> {
        match &mut self.state {
            State::Length => {
                self.state = State::Header { bytes: header_length(piece)? };
                Ok(())
            }
            State::Header { .. } => {
                self.state = State::Data { rest: header::parse(piece, &self.config)?.into() };
                Ok(())
            }
            State::Data { rest } => match rest.pop_front() {
                Some(entry) => self.take_tensor(entry, piece),
                None => Ok(()),
            },
        }
    }

    fn take_tensor(&mut self, entry: Entry, bytes: &[u8]) -> Result<()> {
        if entry.name == IGNORED {
            return Ok(());
        }
        if entry.dtype == Dtype::I8 {
            // `header::parse` has seen that there are scales, that the shape is [rows, columns] and columns > 0.
            let columns = entry.shape.last().copied().unwrap_or(1);
            match self.scales.remove(&entry.name) {
                Some(scales) => self.tensors.insert(entry.name, decode::scaled_rows(bytes, &scales, columns)),
                None => {
                    self.waiting.insert(entry.name, (bytes.to_vec(), columns));
                }
            }
            return Ok(());
        }
        let values = decode::floats(&entry.name, entry.dtype, bytes)?;
        match self.scaled_tensor(&entry.name) {
            None => self.tensors.insert(entry.name, values),
            Some(name) => match self.waiting.remove(&name) {
                Some((bytes, columns)) => self.tensors.insert(name, decode::scaled_rows(&bytes, &values, columns)),
                None => {
                    self.scales.insert(name, values);
                }
            },
        }
        Ok(())
    }

    /// If `name` holds the scales of a tensor, that tensor's name.
    fn scaled_tensor(&self, name: &str) -> Option<String> {
        let tensors = expected_tensors(&self.config).into_iter();
        tensors.map(|expected| expected.name).find(|tensor| scale_name(tensor) == name)
    }
}

fn header_length(piece: &[u8]) -> Result<usize> {
    let bytes: [u8; LENGTH_BYTES] =
        piece.try_into().map_err(|_| Error::model(PLACE, "the file ends within its first 8 bytes"))?;
    let length = usize::try_from(u64::from_le_bytes(bytes)).unwrap_or(usize::MAX);
    check_limit("weights header", length, limits::MAX_HEADER_BYTES, "bytes")?;
    Ok(length)
}
