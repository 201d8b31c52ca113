//! The input of one forward pass: tokens of several pairs, one after the other, and where each begins.

use std::ops::Range;

use burn::tensor::{Device, Int, Tensor};

use super::upload;
use crate::tokenize::EncodedPair;

/// Packed sequences. `offsets` has one entry more than there are sequences; sequence `i` is the tokens
/// `offsets[i]..offsets[i + 1]`, never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackedBatch {
    ids: Vec<i32>,
    positions: Vec<i32>,
    segments: Vec<i32>,
    offsets: Vec<usize>,
    stamp: usize,
}

impl PackedBatch {
    /// Packs `pairs` in their order.
    #[must_use]
    pub fn pack<'a>(pairs: impl IntoIterator<Item = &'a EncodedPair>) -> Self {
        let mut batch =
            Self { ids: Vec::new(), positions: Vec::new(), segments: Vec::new(), offsets: vec![0], stamp: 0 };
        for pair in pairs {
            // Ids, positions and segments are below their caps (2^20), which `PairEncoder` and `ModelConfig` check.
            batch.ids.extend(pair.ids.iter().map(|id| *id as i32));
            batch.positions.extend(0..pair.ids.len() as i32);
            batch.segments.extend(pair.segments.iter().map(|segment| i32::from(*segment)));
            batch.offsets.push(batch.ids.len());
        }
        batch
    }

    /// The same batch with a GPU's first stamp.
    #[cfg(feature = "webgpu")]
    #[must_use]
    pub(crate) const fn with_stamp(mut self, stamp: u32) -> Self {
        self.stamp = stamp as usize;
        self
    }

    pub(super) const fn stamp(&self) -> usize {
        self.stamp
    }

    /// Number of sequences.
    #[must_use]
    pub const fn sequences(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Number of tokens of all sequences.
    #[must_use]
    pub const fn tokens(&self) -> usize {
        self.ids.len()
    }

    /// Word ids of all sequences: `[tokens]`.
    #[must_use]
    pub fn ids(&self) -> &[i32] {
        &self.ids
    }

    /// The token range of each sequence.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        self.offsets.iter().zip(self.offsets.iter().skip(1)).map(|(start, end)| *start..*end)
    }

    /// Word ids, positions and segments, each `[tokens]`.
    #[cfg(feature = "cpu")]
    pub(super) fn inputs(&self, device: &Device) -> [Tensor<1, Int>; 3] {
        [&self.ids, &self.positions, &self.segments].map(|values| indices(values.clone(), device))
    }

    /// Word ids, segments and positions as one tensor: `[3, tokens]`.
    pub(super) fn indices(&self, device: &Device) -> Tensor<2, Int> {
        let values = [self.ids.as_slice(), &self.segments, &self.positions].concat();
        upload::integers(values, [3, self.tokens()], device)
    }

    /// Where each sequence begins, and the end: `[sequences + 1]`.
    pub(super) fn offsets(&self, device: &Device) -> Tensor<1, Int> {
        indices(self.offsets.iter().map(|offset| *offset as i32).collect(), device)
    }

    /// Tokens of the longest sequence.
    pub(super) fn longest(&self) -> usize {
        self.ranges().map(|range| range.len()).max().unwrap_or_default()
    }

    /// The index of each sequence's first token, `[CLS]`: `[sequences]`.
    #[cfg(feature = "cpu")]
    pub(super) fn first_tokens(&self, device: &Device) -> Tensor<1, Int> {
        indices(self.ranges().map(|range| range.start as i32).collect(), device)
    }
}

fn indices(values: Vec<i32>, device: &Device) -> Tensor<1, Int> {
    let shape = [values.len()];
    upload::integers(values, shape, device)
}
