//! Native tests through the crate's public front door, against the golden values of `tests/reference/`.

// clippy.toml allows these inside #[test] functions; the helpers beside them are tests too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod commands;
mod evaluation;
mod finetune;
mod fixtures;
mod hostile;
mod int8;
mod learning;
mod parity;
mod properties;
mod run;
mod table;
mod training;
