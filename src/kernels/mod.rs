//! The operations that are computed by hand, as an extension of burn's backends, so that the model stays one burn model and
//! the device is chosen at run time.
//!
//! Here: the operations and their shapes. `flex` is the CPU's form of each, `gpu` that of WebGPU; a build holds one of the
//! two. Tensors come from `model/`, with shapes that `weights/` has checked. A mismatch is a bug in `model/` and ends the
//! instance like any panic: the forms assert what they rely on.

#![allow(clippy::panic)]

#[cfg(feature = "cpu")]
mod attention;
#[cfg(feature = "cli")]
pub mod bench;
#[cfg(feature = "cpu")]
mod embedding;
#[cfg(feature = "cpu")]
mod flex;
#[cfg(feature = "webgpu")]
pub(crate) mod gpu;
#[cfg(feature = "cpu")]
mod lanes;
#[cfg(feature = "cpu")]
mod linear;
#[cfg(feature = "cpu")]
mod math;
#[cfg(feature = "cpu")]
mod norm;
mod pack;
mod reference;
mod sequences;
#[cfg(any(test, feature = "cli", feature = "webgpu"))]
mod test_data;

#[cfg(feature = "webgpu")]
pub(crate) use gpu::pack;
#[cfg(feature = "cpu")]
pub(crate) use linear::pack;
pub(crate) use pack::{PANEL, padded_input};

use crate::weights::WordsForm;
use burn::backend::{
    backend_extension,
    tensor::{FloatTensor, IntTensor},
};

/// What a pass computes its products in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    /// Of activations with 7 bits in linear layers, over each row's own range, and 12 to 15 in attention. A GPU leaves them
    /// as they are.
    Quantized,
    /// f32, slow on a CPU. What a GPU's results are compared with.
    F32,
}

/// int8 linear, attention over packed sequences, residual with LayerNorm, embeddings with LayerNorm.
#[backend_extension(Flex: cfg(feature = "cpu"), Cube: cfg(feature = "webgpu"))]
pub(crate) trait KernelOps: burn::backend::Backend {
    /// `y = x W + b`, then GELU if asked for.
    ///
    /// # Shapes
    /// - x: `[rows, input]`
    /// - words: `[panels, padded input / 4, 8]` i32, as [`pack`] makes them
    /// - scales, sums, bias: `[panels * 8]`
    /// - output: `[rows, output]`
    #[allow(clippy::too_many_arguments)]
    fn quantized_linear(
        x: FloatTensor<Self>,
        words: IntTensor<Self>,
        scales: FloatTensor<Self>,
        sums: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        output: usize,
        gelu: bool,
        arithmetic: Arithmetic,
    ) -> FloatTensor<Self>;

    /// Self-attention of each sequence. See `AttentionInputs`.
    ///
    /// # Shapes
    /// - queries: `[tokens or sequences, >= hidden]`
    /// - keys_values: `[tokens, >= 2 * hidden]`
    /// - offsets: `[sequences + 1]` i32
    /// - output: `[rows of queries, hidden]`
    ///
    /// `longest`: tokens of the longest sequence.
    fn packed_attention(
        queries: FloatTensor<Self>,
        keys_values: FloatTensor<Self>,
        offsets: IntTensor<Self>,
        hidden: usize,
        heads: usize,
        longest: usize,
        arithmetic: Arithmetic,
    ) -> FloatTensor<Self>;

    /// `LayerNorm(x + residual)`.
    ///
    /// # Shapes
    /// - x, residual, output: `[rows, width]`
    /// - gamma, beta: `[width]`
    fn add_norm(
        x: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self>;

    /// `LayerNorm(words[ids] + segments[..] + positions[..])` from quantised tables.
    ///
    /// # Shapes
    /// - words: `[rows, bytes of a row]` i8, as `form` says
    /// - segments, positions: `[rows, width]` i8
    /// - scales: the rows' scales of the int8 tables, one after the other
    /// - indices: `[3, tokens]` i32: ids, segments, positions
    /// - gamma, beta: `[width]`
    /// - output: `[tokens, width]`
    ///
    /// `stamp`: a GPU's first, see `gpu::stamp`.
    #[allow(clippy::too_many_arguments)]
    fn embed_norm(
        form: WordsForm,
        words: IntTensor<Self>,
        segments: IntTensor<Self>,
        positions: IntTensor<Self>,
        scales: FloatTensor<Self>,
        indices: IntTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f32,
        stamp: usize,
    ) -> FloatTensor<Self>;

    /// The row of each sequence's first token.
    ///
    /// # Shapes
    /// - hidden: `[tokens, width]`
    /// - offsets: `[sequences + 1]` i32
    /// - output: `[sequences, width]`
    fn first_rows(hidden: FloatTensor<Self>, offsets: IntTensor<Self>) -> FloatTensor<Self>;
}

/// What only a GPU computes by hand: the head, whose few products burn's own operations do well enough on a CPU.
#[cfg(feature = "webgpu")]
#[backend_extension(Cube)]
pub(crate) trait HeadOps: burn::backend::Backend {
    /// Pooler and classifier: `tanh(x W + b) c + d`.
    ///
    /// # Shapes
    /// - x: `[sequences, hidden]`
    /// - pooler: `[hidden, hidden]`, pooler_bias: `[hidden]`
    /// - classifier: `[hidden, 1]`, classifier_bias: `[1]`
    /// - output: `[sequences + 1]`, the last the stamp
    fn head(
        x: FloatTensor<Self>,
        pooler: FloatTensor<Self>,
        pooler_bias: FloatTensor<Self>,
        classifier: FloatTensor<Self>,
        classifier_bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}
