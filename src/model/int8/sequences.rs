//! Where the sequences of a batch begin and end, on the device.

use burn::tensor::{Device, Int, Tensor};

use crate::model::PackedBatch;

pub(super) struct Sequences {
    /// `[sequences + 1]`
    pub(super) offsets: Tensor<1, Int>,
    /// Tokens of the longest sequence.
    pub(super) longest: usize,
}

impl Sequences {
    pub(super) fn new(batch: &PackedBatch, device: &Device) -> Self {
        Self { offsets: batch.offsets(device), longest: batch.longest() }
    }
}
