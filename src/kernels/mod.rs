//! The operations that the CPU path computes by hand, as an extension of burn's backends, so that the model stays one burn
//! model and the device is chosen at run time.
//!
//! Here: the safe entry points. Each checks, once, every length and offset that its kernel relies on; a kernel then runs
//! over slices that fit. A mismatch is a bug in `model/` and ends the instance like any panic.

// Tensors come from `model/`, with shapes that `weights/` has checked; the asserts state it.
#![allow(clippy::panic)]

mod attention;
mod embedding;
mod lanes;
mod linear;
mod math;
mod norm;
#[cfg(test)]
mod test_data;

pub(crate) use linear::{PANEL, pack, padded_input};

use burn::backend::{
    backend_extension,
    tensor::{FloatTensor, IntTensor},
};
use burn::tensor::{DType, Shape};
use burn_flex::{Flex, FlexTensor};

use embedding::Table;
use linear::{Epilogue, Weights};

/// int8 linear, attention over packed sequences, residual with LayerNorm, embeddings with LayerNorm.
#[backend_extension(Flex)]
pub(crate) trait KernelOps: burn::backend::Backend {
    /// `y = x W + b`, then GELU if asked for. Activations are quantised per row.
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
    ) -> FloatTensor<Self>;

    /// Self-attention of each sequence. See `attention::Inputs`.
    ///
    /// # Shapes
    /// - queries: `[tokens or sequences, >= hidden]`
    /// - keys_values: `[tokens, >= 2 * hidden]`
    /// - offsets: `[sequences + 1]` i32
    /// - output: `[rows of queries, hidden]`
    fn packed_attention(
        queries: FloatTensor<Self>,
        keys_values: FloatTensor<Self>,
        offsets: IntTensor<Self>,
        hidden: usize,
        heads: usize,
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

    /// `LayerNorm(words[ids] + segments[..] + positions[..])` from int8 tables.
    ///
    /// # Shapes
    /// - words, segments, positions: `[rows, width]` i8, each with scales `[rows]`
    /// - indices: `[3, tokens]` i32: ids, segments, positions
    /// - gamma, beta: `[width]`
    /// - output: `[tokens, width]`
    #[allow(clippy::too_many_arguments)]
    fn embed_norm(
        words: IntTensor<Self>,
        word_scales: FloatTensor<Self>,
        segments: IntTensor<Self>,
        segment_scales: FloatTensor<Self>,
        positions: IntTensor<Self>,
        position_scales: FloatTensor<Self>,
        indices: IntTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self>;
}

impl KernelOps for Flex {
    fn quantized_linear(
        x: FlexTensor,
        words: FlexTensor,
        scales: FlexTensor,
        sums: FlexTensor,
        bias: FlexTensor,
        output: usize,
        gelu: bool,
    ) -> FlexTensor {
        let x = contiguous(x);
        let [rows, input] = dims(&x);
        let channels = output.next_multiple_of(PANEL);
        let weights = Weights {
            words: words.storage(),
            scales: scales.storage(),
            sums: sums.storage(),
            bias: bias.storage(),
            input,
            output,
        };
        assert!(input > 0 && output > 0, "a linear layer without width");
        assert_eq!(weights.words.len(), channels * padded_input(input) / 4, "packed weights");
        assert_eq!([weights.scales.len(), weights.sums.len(), weights.bias.len()], [channels; 3], "channels");
        let mut out = FlexTensor::empty(Shape::from([rows, output]), DType::F32);
        let epilogue = if gelu { Epilogue::Gelu } else { Epilogue::Bias };
        linear::linear(values(&x), weights, epilogue, out.storage_mut());
        out
    }

    fn packed_attention(
        queries: FlexTensor,
        keys_values: FlexTensor,
        offsets: FlexTensor,
        hidden: usize,
        heads: usize,
    ) -> FlexTensor {
        let (queries, keys_values) = (contiguous(queries), contiguous(keys_values));
        let ([asking, query_width], [tokens, key_value_width]) = (dims(&queries), dims(&keys_values));
        let offsets: &[i32] = offsets.storage();
        assert!(heads > 0 && hidden.is_multiple_of(heads), "heads divide the hidden size");
        assert!(query_width >= hidden && key_value_width >= 2 * hidden, "room for query, key and value");
        assert!(asking == tokens || asking + 1 == offsets.len(), "all tokens ask, or one a sequence");
        assert!(offsets.first() == Some(&0) && offsets.is_sorted(), "offsets ascend from 0");
        assert_eq!(offsets.last().copied().and_then(|end| usize::try_from(end).ok()), Some(tokens), "offsets end");
        let mut out = FlexTensor::empty(Shape::from([asking, hidden]), DType::F32);
        let inputs = attention::Inputs {
            queries: values(&queries),
            query_width,
            keys_values: values(&keys_values),
            key_value_width,
            offsets,
            hidden,
            heads,
        };
        attention::attention(inputs, out.storage_mut());
        out
    }

    fn add_norm(x: FlexTensor, residual: FlexTensor, gamma: FlexTensor, beta: FlexTensor, epsilon: f32) -> FlexTensor {
        let (x, residual) = (contiguous(x), contiguous(residual));
        let [rows, width] = dims(&x);
        assert_eq!(dims(&residual), [rows, width], "residual");
        let mut out = FlexTensor::empty(Shape::from([rows, width]), DType::F32);
        let (gamma, beta) = norm_parameters(&gamma, &beta, width);
        norm::add_norm(values(&x), Some(values(&residual)), gamma, beta, epsilon, out.storage_mut());
        out
    }

    fn embed_norm(
        words: FlexTensor,
        word_scales: FlexTensor,
        segments: FlexTensor,
        segment_scales: FlexTensor,
        positions: FlexTensor,
        position_scales: FlexTensor,
        indices: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        epsilon: f32,
    ) -> FlexTensor {
        let [_, width] = dims(&words);
        let [kinds, tokens] = dims(&indices);
        assert_eq!(kinds, 3, "ids, segments, positions");
        let tables = [(&words, &word_scales), (&segments, &segment_scales), (&positions, &position_scales)];
        let tables = tables.map(|(table, scales)| {
            let (table, scales) = (Table { values: table.storage(), scales: scales.storage() }, dims(table));
            assert_eq!(scales, [table.scales.len(), width], "a table's rows");
            table
        });
        let indices: &[i32] = indices.storage();
        let (ids, rest) = indices.split_at(tokens);
        let (segment_indices, position_indices) = rest.split_at(tokens);
        let (gamma, beta) = norm_parameters(&gamma, &beta, width);

        let mut sums = vec![0.0; tokens * width];
        embedding::embed(tables, [ids, segment_indices, position_indices], width, &mut sums);
        let mut out = FlexTensor::empty(Shape::from([tokens, width]), DType::F32);
        norm::add_norm(&sums, None, gamma, beta, epsilon, out.storage_mut());
        out
    }
}

fn norm_parameters<'a>(gamma: &'a FlexTensor, beta: &'a FlexTensor, width: usize) -> (&'a [f32], &'a [f32]) {
    let (gamma, beta): (&[f32], &[f32]) = (gamma.storage(), beta.storage());
    assert_eq!([gamma.len(), beta.len()], [width; 2], "LayerNorm's parameters");
    (gamma, beta)
}

fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
}

/// The values of a contiguous tensor, which may be a part of a larger allocation.
fn values(tensor: &FlexTensor) -> &[f32] {
    let start = tensor.layout().start_offset();
    let all: &[f32] = tensor.storage();
    all.get(start..start + tensor.layout().shape().num_elements()).unwrap_or_default()
}

fn dims(tensor: &FlexTensor) -> [usize; 2] {
    tensor.layout().shape().dims()
}
