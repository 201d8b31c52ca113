//! The one error type: a stable code, what happened, where, and the cause.
//!
//! The same codes stand in `www/errors.ts` and `docs/errors.md`; a test compares the three.

use std::error::Error as StdError;
use std::fmt;

/// What kind of failure it is. Callers match on this; [`Code::as_str`] is what crosses to JavaScript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// Configuration, tokenizer, weights or manifest cannot be used.
    ModelInvalid,
    /// A cap of [`crate::limits`] is exceeded.
    Limit,
    /// An argument is not of the documented kind.
    Option,
    /// The model returned a logit that is not finite.
    NonFinite,
    /// This place has no usable GPU, or not for this model (WebGPU binary only).
    Unsupported,
    /// The GPU gave a wrong answer (WebGPU binary only).
    GpuUntrusted,
    /// The device was lost (WebGPU binary only).
    WorkerLost,
    /// A file could not be read or written (native commands only).
    File,
    /// A native command does not vouch for its outcome, or did not do what was asked (native commands only).
    Refused,
    /// A bug of this crate.
    Internal,
}

impl Code {
    /// The stable name, for example `MODEL_INVALID`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ModelInvalid => "MODEL_INVALID",
            Self::Limit => "LIMIT",
            Self::Option => "OPTION",
            Self::NonFinite => "NON_FINITE",
            Self::Unsupported => "UNSUPPORTED",
            Self::GpuUntrusted => "GPU_UNTRUSTED",
            Self::WorkerLost => "WORKER_LOST",
            Self::File => "FILE",
            Self::Refused => "REFUSED",
            Self::Internal => "INTERNAL",
        }
    }
}

/// A failure: [`code`](Error::code) for programs, `Display` for people, `source` for the cause.
#[derive(Debug)]
pub struct Error {
    code: Code,
    place: String,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A failure with `code`, at `place` (a file, a tensor, an argument), described by `message`.
    #[must_use]
    pub fn new(code: Code, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, place: place.into(), message: message.into(), source: None }
    }

    /// The same failure with the error that caused it.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Shorthand for [`Code::ModelInvalid`].
    #[must_use]
    pub fn model(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Code::ModelInvalid, place, message)
    }

    /// A [`Code::Limit`] failure: `value` exceeds `cap` `unit`s.
    #[must_use]
    pub fn limit(place: impl Into<String>, value: usize, cap: usize, unit: &str) -> Self {
        Self::new(Code::Limit, place, format!("{value} {unit} exceed the cap of {cap}"))
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// Where it happened: a file, a tensor or an argument.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// Fails with [`Code::Limit`] if `value` is above `cap`.
///
/// # Errors
/// `LIMIT`, naming `place`, the value and the cap.
pub fn check_limit(place: &str, value: usize, cap: usize, unit: &str) -> Result<()> {
    if value > cap { Err(Error::limit(place, value, cap, unit)) } else { Ok(()) }
}
