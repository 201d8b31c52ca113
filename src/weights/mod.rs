//! From bytes to named tensors: a safetensors stream is checked against the configuration before anything is
//! allocated, then kept tensor by tensor, in the precision asked for, as its bytes arrive.
//!
//! Accepted: Hugging Face files in f32, f16 or bf16, and this project's int8 form, where a table or matrix `NAME` of
//! i8 has a `NAME_scale` of f32 beside it, one scale a row, and the table of words may be blocks of 4-bit values.
//! `docs/model-format.md` defines it.

mod decode;
mod header;
mod int4;
mod int8;
mod names;
mod stream;

#[cfg(feature = "cpu")]
pub(crate) use int4::values_of;
pub use int4::{BLOCK_BYTES, GROUP, Int4Rows, int4_shape};
pub use int8::Int8Rows;
pub use names::{Expected, Role, expected_tensors, scale_name};
pub use stream::WeightsStream;

use std::collections::HashMap;

use crate::error::{Code, Error, Result};

/// In what form the embeddings and linear weights are kept and computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// i8 weights with a scale a row, through this project's kernels. Float files are quantised tensor by tensor as they
    /// arrive, by the rule of `crossrank quantize`; a table of words in 4 bits stays one.
    #[default]
    Int8,
    /// f32 weights through burn's own operations: the reference. Quantised files are dequantised.
    F32,
}

impl Precision {
    /// The name used in options: `int8` or `f32`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Int8 => "int8",
            Self::F32 => "f32",
        }
    }

    /// The precision of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Int8, Self::F32].into_iter().find(|precision| precision.as_str() == name)
    }
}

/// How the table of words is kept. Segments and positions are always int8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum WordsForm {
    /// 8 bits with a scale a row.
    #[default]
    Int8,
    /// 4 bits in groups of 32.
    Int4,
}

impl WordsForm {
    /// Bytes of a row of `width` values.
    pub(crate) const fn row_bytes(self, width: usize) -> usize {
        match self {
            Self::Int8 => width,
            Self::Int4 => width / GROUP * BLOCK_BYTES,
        }
    }

    /// Scales of `rows` rows that are not in the rows themselves.
    pub(crate) const fn scales(self, rows: usize) -> usize {
        match self {
            Self::Int8 => rows,
            Self::Int4 => 0,
        }
    }
}

/// A tensor on the host, in its Hugging Face layout.
#[derive(Debug)]
enum Values {
    F32(Vec<f32>),
    Int8(Int8Rows),
    Int4(Int4Rows),
}

/// A lookup table in the form it was stored in.
#[derive(Clone, Debug, PartialEq)]
pub enum TableRows {
    /// i8 with a scale a row.
    Int8(Int8Rows),
    /// 4 bits in groups.
    Int4(Int4Rows),
}

/// What int8 precision makes of a tensor of floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    F32,
    Int8 { columns: usize },
    Int4 { columns: usize },
}

/// The complete tensors of a model.
#[derive(Debug)]
pub struct Tensors {
    precision: Precision,
    values: HashMap<String, Values>,
}

impl Tensors {
    fn new(precision: Precision) -> Self {
        Self { precision, values: HashMap::new() }
    }

    /// The form that embeddings and linear weights are kept in.
    #[must_use]
    pub const fn precision(&self) -> Precision {
        self.precision
    }

    /// Takes the tensor `name` out as f32.
    ///
    /// # Errors
    /// `INTERNAL` if it is not there (any more).
    pub fn take_f32(&mut self, name: &str) -> Result<Vec<f32>> {
        match self.take(name)? {
            Values::F32(values) => Ok(values),
            Values::Int8(rows) => Ok(rows.dequantize()),
            Values::Int4(rows) => Ok(rows.dequantize()),
        }
    }

    /// Takes the tensor `name` out as int8 rows of `columns` values.
    ///
    /// # Errors
    /// `INTERNAL` if it is not there (any more).
    pub fn take_int8(&mut self, name: &str, columns: usize) -> Result<Int8Rows> {
        match self.take(name)? {
            Values::F32(values) => Ok(Int8Rows::quantize(&values, columns)),
            Values::Int8(rows) => Ok(rows),
            Values::Int4(rows) => Ok(Int8Rows::quantize(&rows.dequantize(), columns)),
        }
    }

    /// Takes the table `name` out as it is kept, rows of `columns` values; in int8 if that is f32.
    ///
    /// # Errors
    /// `INTERNAL` if it is not there (any more).
    pub fn take_table(&mut self, name: &str, columns: usize) -> Result<TableRows> {
        match self.take(name)? {
            Values::F32(values) => Ok(TableRows::Int8(Int8Rows::quantize(&values, columns))),
            Values::Int8(rows) => Ok(TableRows::Int8(rows)),
            Values::Int4(rows) => Ok(TableRows::Int4(rows)),
        }
    }

    fn take(&mut self, name: &str) -> Result<Values> {
        self.values.remove(name).ok_or_else(|| Error::new(Code::Internal, name, "tensor taken twice or never loaded"))
    }

    /// Keeps a tensor of floats, quantised to `form` if the precision is int8.
    fn insert_floats(&mut self, name: String, values: Vec<f32>, form: Form) {
        let values = match (self.precision, form) {
            (Precision::F32, _) | (_, Form::F32) => Values::F32(values),
            (Precision::Int8, Form::Int8 { columns }) => Values::Int8(Int8Rows::quantize(&values, columns)),
            (Precision::Int8, Form::Int4 { columns }) => Values::Int4(Int4Rows::quantize(&values, columns)),
        };
        self.values.insert(name, values);
    }

    fn insert_int8(&mut self, name: String, rows: Int8Rows) {
        let values = match self.precision {
            Precision::Int8 => Values::Int8(rows),
            Precision::F32 => Values::F32(rows.dequantize()),
        };
        self.values.insert(name, values);
    }

    fn insert_int4(&mut self, name: String, rows: Int4Rows) {
        let values = match self.precision {
            Precision::Int8 => Values::Int4(rows),
            Precision::F32 => Values::F32(rows.dequantize()),
        };
        self.values.insert(name, values);
    }
}
