//! What `cargo bench` calls: single kernels on made-up numbers, with the operations that a call takes. No part of the API.

use super::linear::{Epilogue, Weights, linear, pack};
use super::pack::Packed;
use super::sequences::AttentionInputs;
use super::test_data::noise;
use crate::weights::Int8Rows;

/// A linear layer with int8 weights.
#[derive(Debug)]
pub struct LinearBench {
    packed: Packed,
    gelu: bool,
    size: [usize; 3],
    x: Vec<f32>,
    out: Vec<f32>,
}

impl LinearBench {
    /// `rows` tokens, `input` to `output` channels.
    #[must_use]
    pub fn new(rows: usize, input: usize, output: usize, gelu: bool) -> Self {
        let weights = Int8Rows::quantize(&noise(output * input, 2), input);
        Self {
            packed: pack(&weights, &noise(output, 3)),
            gelu,
            size: [rows, input, output],
            x: noise(rows * input, 1),
            out: vec![0.0; rows * output],
        }
    }

    /// Multiplications and additions of the product.
    #[must_use]
    pub fn operations(&self) -> u64 {
        2 * self.size.iter().product::<usize>() as u64
    }

    /// One call.
    pub fn run(&mut self) -> &[f32] {
        let [_, input, output] = self.size;
        let Packed { words, scales, sums, bias } = &self.packed;
        let epilogue = if self.gelu { Epilogue::Gelu } else { Epilogue::Bias };
        linear(&self.x, Weights { words, scales, sums, bias, input, output }, epilogue, &mut self.out);
        &self.out
    }
}

/// Self-attention of sequences of one length.
#[derive(Debug)]
pub struct AttentionBench {
    projected: Vec<f32>,
    offsets: Vec<i32>,
    hidden: usize,
    heads: usize,
    out: Vec<f32>,
}

impl AttentionBench {
    /// `sequences` of `tokens`, with `heads` heads of `size` channels.
    #[must_use]
    pub fn new(sequences: usize, tokens: usize, heads: usize, size: usize) -> Self {
        let hidden = heads * size;
        Self {
            projected: noise(sequences * tokens * 3 * hidden, 4),
            offsets: (0..=sequences).map(|sequence| (sequence * tokens) as i32).collect(),
            hidden,
            heads,
            out: vec![0.0; sequences * tokens * hidden],
        }
    }

    /// Multiplications and additions of the two products; not those of softmax.
    #[must_use]
    pub fn operations(&self) -> u64 {
        let pairs: usize = self.offsets.array_windows().map(|[start, stop]| (stop - start).pow(2) as usize).sum();
        (4 * pairs * self.hidden) as u64
    }

    /// One call.
    pub fn run(&mut self) -> &[f32] {
        let inputs = AttentionInputs {
            queries: &self.projected,
            query_width: 3 * self.hidden,
            keys_values: &self.projected,
            key_value_width: 3 * self.hidden,
            offsets: &self.offsets,
            hidden: self.hidden,
            heads: self.heads,
        };
        super::attention::attention(inputs, &mut self.out);
        &self.out
    }
}
