//! Reads a safetensors file as its bytes arrive, however they are cut: shards in order, or chunks from a network.
//!
//! Peak memory is the model in its precision plus the tensor being received. An int8 tensor whose scales come later in the
//! file waits without them.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

use safetensors::Dtype;

use super::header::{self, Entry};
use super::int4::has_int4_form;
use super::names::{Expected, IGNORED, Role, expected_tensors, scale_name};
use super::{Form, Int4Rows, Int8Rows, Precision, Tensors, WordsForm, decode};
use crate::config::ModelConfig;
use crate::error::{Error, Result, check_limit};
use crate::limits;

const PLACE: &str = "weights";
const LENGTH_BYTES: usize = 8;

/// Collects a model's weights. [`push`](Self::push) bytes in file order, then [`finish`](Self::finish).
#[derive(Debug)]
pub struct WeightsStream {
    config: ModelConfig,
    table: HashMap<String, Kept>,
    state: State,
    buffer: Vec<u8>,
    tensors: Tensors,
    waiting: HashMap<String, Int8Rows>,
    scales: HashMap<String, Vec<f32>>,
}

#[derive(Debug)]
enum Kept {
    Tensor { form: Form, columns: usize },
    ScalesOf(String),
}

#[derive(Debug)]
enum State {
    Length,
    Header { bytes: usize },
    Data { rest: VecDeque<Entry> },
}

impl WeightsStream {
    /// A stream of the weights of a model of shape `config`, to be kept in `precision`.
    #[must_use]
    pub fn new(config: &ModelConfig, precision: Precision) -> Self {
        Self {
            config: config.clone(),
            table: table(config),
            state: State::Length,
            buffer: Vec::new(),
            tensors: Tensors::new(precision),
            waiting: HashMap::new(),
            scales: HashMap::new(),
        }
    }

    /// What becomes of a table of words in floats. Where rows are not whole groups of 4-bit values it is int8 anyway.
    #[must_use]
    pub fn with_words(mut self, words: WordsForm) -> Self {
        for Expected { name, role, .. } in expected_tensors(&self.config) {
            if let (Role::Words, Some(Kept::Tensor { form, columns })) = (role, self.table.get_mut(&name)) {
                let columns = *columns;
                *form = match words {
                    WordsForm::Int4 if has_int4_form(columns) => Form::Int4 { columns },
                    _ => Form::Int8 { columns },
                };
            }
        }
        self
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
                self.take_piece(Cow::Borrowed(head))?;
            } else {
                let mut piece = std::mem::take(&mut self.buffer);
                piece.extend_from_slice(head);
                self.take_piece(Cow::Owned(piece))?;
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

    fn take_piece(&mut self, piece: Cow<'_, [u8]>) -> Result<()> {
        match &mut self.state {
            State::Length => {
                self.state = State::Header { bytes: header_length(&piece)? };
                Ok(())
            }
            State::Header { .. } => {
                self.state = State::Data { rest: header::parse(&piece, &self.config)?.into() };
                Ok(())
            }
            State::Data { rest } => match rest.pop_front() {
                Some(entry) => self.take_tensor(entry, piece),
                None => Ok(()),
            },
        }
    }

    fn take_tensor(&mut self, entry: Entry, bytes: Cow<'_, [u8]>) -> Result<()> {
        let Entry { name, dtype, .. } = entry;
        if name == IGNORED {
            return Ok(());
        }
        match (self.table.get(&name), dtype) {
            // `header::parse` has seen that these are the tensors that may be quantised, of the configuration's shape.
            (Some(Kept::Tensor { columns, .. }), Dtype::U8) => {
                let rows = Int4Rows { blocks: bytes.into_owned(), columns: *columns };
                self.tensors.insert_int4(name, rows);
            }
            (Some(Kept::Tensor { columns, .. }), Dtype::I8) => {
                let values = bytemuck::allocation::cast_vec::<u8, i8>(bytes.into_owned());
                let mut rows = Int8Rows { values, scales: Vec::new(), columns: *columns };
                match self.scales.remove(&name) {
                    Some(scales) => {
                        rows.scales = scales;
                        self.tensors.insert_int8(name, rows);
                    }
                    None => {
                        self.waiting.insert(name, rows);
                    }
                }
            }
            (Some(Kept::Tensor { form, .. }), _) => {
                let (form, values) = (*form, decode::floats(&name, dtype, &bytes)?);
                self.tensors.insert_floats(name, values, form);
            }
            (Some(Kept::ScalesOf(tensor)), _) => {
                let scales = decode::floats(&name, dtype, &bytes)?;
                match self.waiting.remove(tensor) {
                    Some(rows) => self.tensors.insert_int8(tensor.clone(), Int8Rows { scales, ..rows }),
                    None => {
                        self.scales.insert(tensor.clone(), scales);
                    }
                }
            }
            (None, _) => return Err(Error::model(name, "unexpected tensor")),
        }
        Ok(())
    }
}

/// What becomes of each tensor that the file may hold.
fn table(config: &ModelConfig) -> HashMap<String, Kept> {
    let mut table = HashMap::new();
    for Expected { name, shape, role } in expected_tensors(config) {
        // At least 1: `ModelConfig` has no width of 0.
        let columns = shape.last().copied().unwrap_or(1);
        let form = if role.is_quantized() { Form::Int8 { columns } } else { Form::F32 };
        if role.is_quantized() {
            table.insert(scale_name(&name), Kept::ScalesOf(name.clone()));
        }
        table.insert(name, Kept::Tensor { form, columns });
    }
    table
}

fn header_length(piece: &[u8]) -> Result<usize> {
    let bytes: [u8; LENGTH_BYTES] =
        piece.try_into().map_err(|_| Error::model(PLACE, "the file ends within its first 8 bytes"))?;
    let length = usize::try_from(u64::from_le_bytes(bytes)).unwrap_or(usize::MAX);
    check_limit("weights header", length, limits::MAX_HEADER_BYTES, "bytes")?;
    Ok(length)
}
