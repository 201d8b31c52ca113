//! Native tests through the crate's public front door, against the golden values of `tests/reference/`.

mod fixtures;
mod hostile;
mod parity;
mod properties;
mod table;
