//! crossrank: a cross-encoder reranker for the browser.
//!
//! The straight line through the crate, from a call to its result:
//!
//! 1. [`config`] reads `config.json`; [`weights`] checks a safetensors stream against it and decodes it tensor by
//!    tensor; [`tokenize`] reads `tokenizer.json`.
//! 2. [`rank::Reranker`] puts them together on a [`device`].
//! 3. [`rank::Reranker::begin`] tokenises the pairs and plans batches: a [`rank::Job`].
//! 4. Batch by batch, [`model::CrossEncoder::forward`] gives logits; in int8 precision through `kernels`, a burn backend
//!    extension, in f32 through burn's own operations.
//! 5. [`rank::Activation`] makes scores of them, [`rank::order`] an order.
//!
//! `wasm` wraps this for JavaScript; `cli` holds the native commands. Every cap is in [`limits`], every failure is an
//! [`Error`] with a stable [`Code`]. The reference for behaviour is sentence-transformers' `CrossEncoder`.

#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod device;
pub mod error;
mod kernels;
pub mod limits;
pub mod model;
pub mod rank;
pub mod tokenize;
#[cfg(feature = "cli")]
pub mod train;
#[cfg(target_family = "wasm")]
mod wasm;
pub mod weights;

pub use config::ModelConfig;
pub use error::{Code, Error, Result};
#[cfg(feature = "cli")]
#[doc(hidden)]
pub use kernels::bench as kernel_bench;
pub use rank::{Activation, Ranked, Reranker};
pub use tokenize::PairEncoder;
pub use weights::{Precision, WeightsStream};
