//! Self-attention of packed sequences with dropout on the weights, and its gradients. The weights are not kept: the backward
//! pass computes them again, so memory grows with the tokens and not with their square.

use std::ops::Range;

use burn::backend::ops::FloatTensorOps;
use burn::tensor::{DType, Shape};
use burn_flex::{Flex, FlexTensor};
use rayon::prelude::*;

use super::gelu::exp;
use super::host::{contiguous, dims, values};
use super::mask::Mask;
use super::norm::dot;

/// Where each sequence lies among the tokens, and the number of heads.
#[derive(Clone, Debug)]
pub(crate) struct Sequences {
    pub ranges: Vec<Range<usize>>,
    pub heads: usize,
}

pub(super) fn forward(inputs: [FlexTensor; 3], sequences: &Sequences, mask: Mask) -> FlexTensor {
    let inputs = inputs.map(contiguous);
    let [tokens, hidden] = dims(&inputs[0]);
    let mut out = FlexTensor::empty(Shape::from([tokens, hidden]), DType::F32);
    for (index, range) in sequences.ranges.iter().enumerate() {
        let [query, key, value] = inputs.each_ref().map(|tensor| heads_of(tensor, range, sequences.heads));
        let [_, dropped] = weights(query, key, index, mask);
        let context = Flex::float_matmul(dropped, value);
        store(&context, range, &mut out);
    }
    out
}

pub(super) fn backward(
    inputs: [FlexTensor; 3],
    grad: FlexTensor,
    sequences: &Sequences,
    mask: Mask,
) -> [FlexTensor; 3] {
    let inputs = inputs.map(contiguous);
    let grad = contiguous(grad);
    let mut out = inputs.each_ref().map(|tensor| FlexTensor::empty(tensor.layout().shape().clone(), DType::F32));
    for (index, range) in sequences.ranges.iter().enumerate() {
        let [query, key, value] = inputs.each_ref().map(|tensor| heads_of(tensor, range, sequences.heads));
        let grad = heads_of(&grad, range, sequences.heads);
        let [probabilities, dropped] = weights(query.clone(), key.clone(), index, mask);
        let grad_value = Flex::float_matmul(dropped.transpose(1, 2), grad.clone());
        let grad_weights = Flex::float_matmul(grad, value.transpose(1, 2));
        let grad_scores = scores_backward(&probabilities, grad_weights, index, mask, scale_of(&query));
        let grad_key = Flex::float_matmul(grad_scores.transpose(1, 2), query);
        let grad_query = Flex::float_matmul(grad_scores, key);
        for (part, out) in [grad_query, grad_key, grad_value].iter().zip(&mut out) {
            store(part, range, out);
        }
    }
    out
}

/// 1 / sqrt(head size)
fn scale_of(query: &FlexTensor) -> f32 {
    let [_, _, head] = dims(query);
    1.0 / (head as f32).sqrt()
}

/// The softmax of the scaled scores, and the same after dropout: `[heads, length, length]` each.
fn weights(query: FlexTensor, key: FlexTensor, sequence: usize, mask: Mask) -> [FlexTensor; 2] {
    let scale = scale_of(&query);
    let mut scores = Flex::float_matmul(query, key.transpose(1, 2));
    let [heads, length, _] = dims(&scores);
    let first = first_row(sequence, heads);
    scores.storage_mut::<f32>().par_chunks_mut(length * length).for_each(|head| {
        for row in head.chunks_exact_mut(length) {
            softmax(row, scale);
        }
    });
    if mask.is_off() {
        return [scores.clone(), scores];
    }
    let mut dropped = FlexTensor::empty(Shape::from([heads, length, length]), DType::F32);
    let pieces = dropped.storage_mut::<f32>().par_chunks_mut(length * length);
    pieces.zip(values(&scores).par_chunks(length * length)).enumerate().for_each(|(head, (to, from))| {
        to.copy_from_slice(from);
        for (row, values) in to.chunks_exact_mut(length).enumerate() {
            mask.apply(first + ((head as u64) << 32) + row as u64, values);
        }
    });
    [scores, dropped]
}

/// From the gradient of the weights after dropout to that of the scores before the scale.
fn scores_backward(
    probabilities: &FlexTensor,
    mut grad: FlexTensor,
    sequence: usize,
    mask: Mask,
    scale: f32,
) -> FlexTensor {
    let [heads, length, _] = dims(probabilities);
    let first = first_row(sequence, heads);
    let pieces = grad.storage_mut::<f32>().par_chunks_mut(length * length);
    pieces.zip(values(probabilities).par_chunks(length * length)).enumerate().for_each(|(head, (grad, weights))| {
        let rows = grad.chunks_exact_mut(length).zip(weights.chunks_exact(length));
        for (row, (grad, weights)) in rows.enumerate() {
            mask.apply(first + ((head as u64) << 32) + row as u64, grad);
            let mean = dot(grad, weights);
            for (grad, weight) in grad.iter_mut().zip(weights) {
                *grad = weight * (*grad - mean) * scale;
            }
        }
    });
    grad
}

/// The mask's rows of a sequence: those of its heads begin 2^32 apart.
const fn first_row(sequence: usize, heads: usize) -> u64 {
    ((sequence * heads) as u64) << 32
}

fn softmax(row: &mut [f32], scale: f32) {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for value in &mut *row {
        *value = exp((*value - largest) * scale);
    }
    sum += row.iter().sum::<f32>();
    let inverse = 1.0 / sum;
    row.iter_mut().for_each(|value| *value *= inverse);
}

/// One sequence of `[tokens, hidden]` as a view: `[heads, length, head]`.
fn heads_of(tensor: &FlexTensor, range: &Range<usize>, heads: usize) -> FlexTensor {
    let [_, hidden] = dims(tensor);
    let sequence = tensor.narrow(0, range.start, range.len());
    sequence.reshape(Shape::from([range.len(), heads, hidden / heads])).permute(&[1, 0, 2])
}

/// Writes `[heads, length, head]` to the tokens of its sequence in `[tokens, hidden]`.
fn store(part: &FlexTensor, range: &Range<usize>, out: &mut FlexTensor) {
    let [heads, length, head] = dims(part);
    let (hidden, values) = (heads * head, values(part));
    let rows = out.storage_mut::<f32>().chunks_exact_mut(hidden).skip(range.start).take(length);
    for (row, to) in rows.enumerate() {
        let from = values.chunks_exact(head).skip(row).step_by(length);
        to.chunks_exact_mut(head).zip(from).for_each(|(to, from)| to.copy_from_slice(from));
    }
}
