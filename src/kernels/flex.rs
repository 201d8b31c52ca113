//! The CPU device: each operation of [`KernelOps`] on burn-flex tensors.
//!
//! Checks, once, every length and offset that its kernel relies on; a kernel then runs over slices that fit.

use burn::tensor::TensorData;
use burn_flex::{Flex, FlexTensor};

use super::embedding::{self, Table};
use super::linear::{self, Epilogue, Weights};
use super::sequences::AttentionInputs;
use super::{Arithmetic, KernelOps, PANEL, attention, norm, padded_input, reference};
use crate::weights::WordsForm;

impl KernelOps for Flex {
    fn quantized_linear(
        x: FlexTensor,
        words: FlexTensor,
        scales: FlexTensor,
        sums: FlexTensor,
        bias: FlexTensor,
        output: usize,
        gelu: bool,
        arithmetic: Arithmetic,
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
        let mut out = vec![0.0; rows * output];
        let epilogue = if gelu { Epilogue::Gelu } else { Epilogue::Bias };
        match arithmetic {
            Arithmetic::Quantized => linear::linear(values(&x), weights, epilogue, &mut out),
            Arithmetic::F32 => linear::linear_f32(values(&x), weights, epilogue, &mut out),
        }
        tensor(out, [rows, output])
    }

    fn packed_attention(
        queries: FlexTensor,
        keys_values: FlexTensor,
        offsets: FlexTensor,
        hidden: usize,
        heads: usize,
        _longest: usize,
        arithmetic: Arithmetic,
    ) -> FlexTensor {
        let (queries, keys_values) = (contiguous(queries), contiguous(keys_values));
        let ([asking, query_width], [tokens, key_value_width]) = (dims(&queries), dims(&keys_values));
        let offsets: &[i32] = offsets.storage();
        assert!(heads > 0 && hidden.is_multiple_of(heads), "heads divide the hidden size");
        assert!(query_width >= hidden && key_value_width >= 2 * hidden, "room for query, key and value");
        assert!(asking == tokens || asking + 1 == offsets.len(), "all tokens ask, or one a sequence");
        assert!(offsets.first() == Some(&0) && offsets.is_sorted(), "offsets ascend from 0");
        assert_eq!(offsets.last().copied().and_then(|end| usize::try_from(end).ok()), Some(tokens), "offsets end");
        let mut out = vec![0.0; asking * hidden];
        let inputs = AttentionInputs {
            queries: values(&queries),
            query_width,
            keys_values: values(&keys_values),
            key_value_width,
            offsets,
            hidden,
            heads,
        };
        match arithmetic {
            Arithmetic::Quantized => attention::attention(inputs, &mut out),
            Arithmetic::F32 => out = reference::attention(inputs),
        }
        tensor(out, [asking, hidden])
    }

    fn add_norm(x: FlexTensor, residual: FlexTensor, gamma: FlexTensor, beta: FlexTensor, epsilon: f32) -> FlexTensor {
        let (x, residual) = (contiguous(x), contiguous(residual));
        let [rows, width] = dims(&x);
        assert_eq!(dims(&residual), [rows, width], "residual");
        let mut out = vec![0.0; rows * width];
        let (gamma, beta) = norm_parameters(&gamma, &beta, width);
        norm::add_norm(values(&x), Some(values(&residual)), gamma, beta, epsilon, &mut out);
        tensor(out, [rows, width])
    }

    fn embed_norm(
        form: WordsForm,
        words: FlexTensor,
        segments: FlexTensor,
        positions: FlexTensor,
        scales: FlexTensor,
        indices: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        epsilon: f32,
        _stamp: usize,
    ) -> FlexTensor {
        let [_, width] = dims(&segments);
        let [kinds, tokens] = dims(&indices);
        assert_eq!(kinds, 3, "ids, segments, positions");
        let mut scales: &[f32] = scales.storage();
        let kept = [(&words, form), (&segments, WordsForm::Int8), (&positions, WordsForm::Int8)];
        let tables = kept.map(|(table, form)| {
            let [rows, bytes] = dims(table);
            assert_eq!(bytes, form.row_bytes(width), "a table's width");
            assert!(scales.len() >= form.scales(rows), "a scale a row");
            let (own, rest) = scales.split_at(form.scales(rows));
            scales = rest;
            match form {
                WordsForm::Int8 => Table::Int8 { values: table.storage(), scales: own },
                WordsForm::Int4 => Table::Int4 { blocks: bytemuck::cast_slice(table.storage::<i8>()) },
            }
        });
        let indices: &[i32] = indices.storage();
        let (ids, rest) = indices.split_at(tokens);
        let (segment_indices, position_indices) = rest.split_at(tokens);
        let (gamma, beta) = norm_parameters(&gamma, &beta, width);

        let mut sums = vec![0.0; tokens * width];
        embedding::embed(tables, [ids, segment_indices, position_indices], width, &mut sums);
        let mut out = vec![0.0; tokens * width];
        norm::add_norm(&sums, None, gamma, beta, epsilon, &mut out);
        tensor(out, [tokens, width])
    }

    fn first_rows(hidden: FlexTensor, offsets: FlexTensor) -> FlexTensor {
        let hidden = contiguous(hidden);
        let [_, width] = dims(&hidden);
        let offsets: &[i32] = offsets.storage();
        let sequences = offsets.len().saturating_sub(1);
        let mut out = vec![0.0; sequences * width];
        for (row, start) in out.chunks_exact_mut(width).zip(offsets) {
            let start = usize::try_from(*start).unwrap_or(usize::MAX).saturating_mul(width);
            let first = values(&hidden).get(start..).and_then(|rest| rest.get(..width));
            assert!(first.is_some(), "offsets within the rows");
            row.copy_from_slice(first.unwrap_or_default());
        }
        tensor(out, [sequences, width])
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

/// Takes the memory as it is; burn-flex's own empty tensors are filled with zeros and then copied once.
fn tensor(values: Vec<f32>, dims: [usize; 2]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, dims))
}

fn dims(tensor: &FlexTensor) -> [usize; 2] {
    tensor.layout().shape().dims()
}
