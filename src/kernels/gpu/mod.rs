//! WebGPU: each operation of [`KernelOps`] and [`HeadOps`] as one dispatch of a WGSL kernel.
//!
//! Activations stay in f32; int8 weights become f32 in workgroup memory. All shapes are run-time parameters, so a new length
//! compiles nothing; only the size of an attention head, which the model fixes, is part of a kernel's text. Kernels read
//! rows in units of four values: `device` refuses models that do not allow that.

mod known_answers;
mod launch;
pub(crate) mod stamp;

pub(crate) use known_answers::{KnownAnswer, known_answers};

use burn::tensor::DType;
use burn_wgpu::{CubeBackend, CubeTensor};
use cubecl::CubeCount;

use super::pack::{PANEL, Packed, pack_steps, padded_input};
use super::{Arithmetic, HeadOps, KernelOps};
use crate::weights::{Int8Rows, WordsForm};
use launch::{Kernel, Launch};

/// Values of one unit of a row, and i8 of a word.
pub(crate) const UNIT: usize = 4;
/// Largest attention head, in values: a tile of four keys and values must fit into 16 KiB of workgroup memory.
pub(crate) const MAX_HEAD: usize = 512;

/// Rows and output channels of a workgroup of the linear kernel.
const LINEAR_TILE: [usize; 2] = [32, 64];
/// Rows of a workgroup of the kernels that end in a LayerNorm.
const NORM_ROWS: usize = 4;
/// Queries of a workgroup of the attention kernel.
const QUERIES: usize = 64;

/// Packs int8 rows, one an output channel, for the linear kernel.
pub(crate) fn pack(rows: &Int8Rows, bias: &[f32]) -> Packed {
    pack_steps(rows, bias, UNIT)
}

impl KernelOps for CubeBackend {
    fn quantized_linear(
        x: CubeTensor,
        words: CubeTensor,
        scales: CubeTensor,
        _sums: CubeTensor,
        bias: CubeTensor,
        output: usize,
        gelu: bool,
        _arithmetic: Arithmetic,
    ) -> CubeTensor {
        let [rows, input] = dims(&x);
        let channels = output.next_multiple_of(PANEL);
        assert_eq!(elements(&words), channels * padded_input(input) / UNIT, "packed weights");
        assert_eq!([elements(&scales), elements(&bias)], [channels; 2], "channels");
        let [tile_rows, tile_channels] = LINEAR_TILE;
        Launch::new(Kernel::Linear)
            .inputs([&x, &words, &scales, &bias])
            .shape([rows, units(input), units(output), padded_input(input) / UNIT, usize::from(gelu)])
            .stamps([&x])
            .run([output.div_ceil(tile_channels), rows.div_ceil(tile_rows), 1], [rows, output])
    }

    fn packed_attention(
        queries: CubeTensor,
        keys_values: CubeTensor,
        offsets: CubeTensor,
        hidden: usize,
        heads: usize,
        longest: usize,
        _arithmetic: Arithmetic,
    ) -> CubeTensor {
        let ([asking, query_width], [tokens, key_value_width]) = (dims(&queries), dims(&keys_values));
        let sequences = elements(&offsets).saturating_sub(1);
        assert!(heads > 0 && hidden.is_multiple_of(heads), "heads divide the hidden size");
        assert!(query_width >= hidden && key_value_width >= 2 * hidden, "room for query, key and value");
        assert!(asking == tokens || asking == sequences, "all tokens ask, or one a sequence");
        let head = hidden / heads;
        let first_only = asking != tokens;
        let tiles = if first_only { 1 } else { longest.div_ceil(QUERIES) };
        Launch::new(Kernel::Attention { head: units(head) })
            .inputs([&queries, &keys_values, &offsets])
            .shape([units(query_width), units(key_value_width), units(hidden), usize::from(first_only)])
            .float(1.0 / (head as f32).sqrt())
            .stamps([&queries, &keys_values])
            .run([tiles, heads, sequences], [asking, hidden])
    }

    fn add_norm(x: CubeTensor, residual: CubeTensor, gamma: CubeTensor, beta: CubeTensor, epsilon: f32) -> CubeTensor {
        let [rows, width] = dims(&x);
        assert_eq!(dims(&residual), [rows, width], "residual");
        assert_eq!([elements(&gamma), elements(&beta)], [width; 2], "LayerNorm's parameters");
        Launch::new(Kernel::AddNorm)
            .inputs([&x, &residual, &gamma, &beta])
            .shape([units(width)])
            .float(epsilon)
            .shape([rows])
            .stamps([&x])
            .run([rows.div_ceil(NORM_ROWS), 1, 1], [rows, width])
    }

    fn embed_norm(
        form: WordsForm,
        words: CubeTensor,
        segments: CubeTensor,
        positions: CubeTensor,
        scales: CubeTensor,
        indices: CubeTensor,
        gamma: CubeTensor,
        beta: CubeTensor,
        epsilon: f32,
        stamp: usize,
    ) -> CubeTensor {
        let [kinds, tokens] = dims(&indices);
        let ([word_rows, word_bytes], [segment_rows, width], [position_rows, _]) =
            (dims(&words), dims(&segments), dims(&positions));
        assert_eq!(kinds, 3, "ids, segments, positions");
        assert_eq!(word_bytes, form.row_bytes(width), "the words' width");
        let word_scales = form.scales(word_rows);
        assert_eq!(elements(&scales), word_scales + segment_rows + position_rows, "a scale a row");
        assert_eq!([elements(&gamma), elements(&beta)], [width; 2], "LayerNorm's parameters");
        Launch::new(Kernel::EmbedNorm { words: form })
            .inputs([&words, &segments, &positions, &scales, &indices, &gamma, &beta])
            .shape([units(width)])
            .float(epsilon)
            .shape([tokens, word_scales, segment_rows, stamp])
            .run([tokens.div_ceil(NORM_ROWS), 1, 1], [tokens, width])
    }

    fn first_rows(hidden: CubeTensor, offsets: CubeTensor) -> CubeTensor {
        let [_, width] = dims(&hidden);
        let sequences = elements(&offsets).saturating_sub(1);
        Launch::new(Kernel::FirstRows)
            .inputs([&hidden, &offsets])
            .shape([units(width)])
            .stamps([&hidden])
            .run([sequences, 1, 1], [sequences, width])
    }
}

impl HeadOps for CubeBackend {
    fn head(
        x: CubeTensor,
        pooler: CubeTensor,
        pooler_bias: CubeTensor,
        classifier: CubeTensor,
        classifier_bias: CubeTensor,
    ) -> CubeTensor {
        let [sequences, hidden] = dims(&x);
        assert_eq!([elements(&pooler), elements(&pooler_bias)], [hidden * hidden, hidden], "pooler");
        assert_eq!([elements(&classifier), elements(&classifier_bias)], [hidden, 1], "classifier");
        Launch::new(Kernel::Head)
            .inputs([&x, &pooler, &pooler_bias, &classifier, &classifier_bias])
            .shape([units(hidden)])
            .stamps([&x])
            .run_with_stamp([sequences, 1, 1], sequences)
    }
}

/// A row's width in units of four values.
fn units(width: usize) -> usize {
    assert!(width.is_multiple_of(UNIT), "rows of whole units");
    width / UNIT
}

fn elements(tensor: &CubeTensor) -> usize {
    tensor.meta.shape().num_elements()
}

fn dims(tensor: &CubeTensor) -> [usize; 2] {
    tensor.meta.shape().dims()
}

/// A new tensor of floats beside `like`, with room behind it for a stamp.
fn empty<const D: usize>(like: &CubeTensor, shape: [usize; D]) -> CubeTensor {
    let handle = like.client.empty((shape.iter().product::<usize>() + UNIT) * size_of::<f32>());
    CubeTensor::new_contiguous(like.client.clone(), like.device.clone(), shape.into(), handle, DType::F32)
}

/// Counts of workgroups as the device takes them.
fn count(groups: [usize; 3]) -> CubeCount {
    // Rows and sequences of a batch stay below 65,536: `rank::plan` and the caps on a pair's tokens see to it.
    let [x, y, z] = groups.map(|groups| u32::try_from(groups).unwrap_or(u32::MAX));
    CubeCount::Static(x, y, z)
}
