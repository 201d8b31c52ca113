//! Self-attention over packed sequences: one pass per sequence and head, eight queries at a time, so that only eight rows of
//! attention weights exist at once. f32 throughout; a sequence's result does not depend on its neighbours.

use std::ops::Range;

use super::lanes::F32x4;
use super::math::exp2;

/// Queries that share one pass over the keys and values: two registers of four lanes.
const QUERIES: usize = 8;
/// Queries of one tile of weighted sums.
const HALF: usize = QUERIES / 2;
/// Keys of one tile of scores. 8 queries by 4 keys, like 4 queries by 8 value channels, fill 8 registers with sums and read
/// 6 for 16 products and sums.
const KEYS: usize = 4;
/// Value channels of one tile of weighted sums: two registers of four lanes.
const CHANNELS: usize = 8;

/// Where queries, keys and values lie, and how they are cut into sequences and heads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inputs<'a> {
    /// Rows of `query_width` values; the queries are the first `hidden` of each.
    ///
    /// As many rows as there are tokens: every token asks. As many as there are sequences: only their first tokens ask.
    pub queries: &'a [f32],
    /// Width of a row of `queries`.
    pub query_width: usize,
    /// Rows of `key_value_width` values, one a token; the last `2 * hidden` are its key and its value.
    pub keys_values: &'a [f32],
    /// Width of a row of `keys_values`.
    pub key_value_width: usize,
    /// Sequence `i` is the tokens `offsets[i]..offsets[i + 1]`.
    pub offsets: &'a [i32],
    /// All heads together.
    pub hidden: usize,
    /// Heads; they divide `hidden`.
    pub heads: usize,
}

/// `softmax(q k' / sqrt(head)) v` for every sequence and head.
///
/// # Shapes
/// - out: `[queries, hidden]`
///
/// Rows that the slices do not hold are left as they are; the caller has checked lengths and offsets.
pub(crate) fn attention(inputs: Inputs<'_>, out: &mut [f32]) {
    let mut scratch = Scratch::default();
    let tokens = inputs.keys_values.len() / inputs.key_value_width.max(1);
    let all_tokens_ask = inputs.queries.len() / inputs.query_width.max(1) == tokens;
    for (sequence, bounds) in inputs.offsets.windows(2).enumerate() {
        let &[start, stop] = bounds else { continue };
        let (start, stop) = (start.max(0) as usize, stop.max(0) as usize);
        let asking = if all_tokens_ask { start..stop } else { sequence..sequence + 1 };
        for head in 0..inputs.heads {
            attend(&inputs, start..stop, asking.clone(), head, &mut scratch, out);
        }
    }
}

/// One head of one sequence, packed for the tiles. Kept from call to call to reuse the memory.
#[derive(Default)]
struct Scratch {
    /// `[tiles of keys][head][4]`: keys times the scale, transposed; zeros beyond the last.
    keys: Vec<[f32; KEYS]>,
    /// `[tiles of the head's channels][tokens][8]`
    values: Vec<[f32; CHANNELS]>,
    /// Eight queries, `[head][8]`; zeros beyond the last.
    queries: Vec<[f32; QUERIES]>,
    /// Attention weights of the eight queries, `[tokens padded to 4][8]`: lanes are queries.
    weights: Vec<[f32; QUERIES]>,
}

fn attend(
    inputs: &Inputs<'_>,
    tokens: Range<usize>,
    asking: Range<usize>,
    head: usize,
    scratch: &mut Scratch,
    out: &mut [f32],
) {
    let size = inputs.hidden / inputs.heads;
    let first = head * size;
    let length = tokens.len();
    scratch.pack(inputs, tokens, first, size);
    for start in asking.clone().step_by(QUERIES) {
        let rows = start..(start + QUERIES).min(asking.end);
        scratch.take_queries(inputs, rows.clone(), first, size);
        let sums = scratch.weigh(length, size);
        let out = out.get_mut(rows.start * inputs.hidden..rows.end * inputs.hidden).unwrap_or_default();
        scratch.mix(length, sums, out, inputs.hidden, first..first + size);
    }
}

impl Scratch {
    fn pack(&mut self, inputs: &Inputs<'_>, tokens: Range<usize>, first: usize, size: usize) {
        // Scores in units of log2, so that a weight is a power of 2.
        let scale = std::f32::consts::LOG2_E / (size as f32).sqrt();
        let (width, hidden, length) = (inputs.key_value_width, inputs.hidden, tokens.len());
        self.keys.clear();
        self.keys.resize(length.div_ceil(KEYS) * size, [0.0; KEYS]);
        self.values.clear();
        self.values.resize(size.div_ceil(CHANNELS) * length, [0.0; CHANNELS]);
        let rows = inputs.keys_values.chunks_exact(width).skip(tokens.start).take(length);
        for (token, row) in rows.enumerate() {
            let (keys, values) = row.split_at(width - hidden);
            let keys = keys.get(width - 2 * hidden + first..).unwrap_or_default();
            let tile = self.keys.get_mut(token / KEYS * size..).unwrap_or_default();
            for (to, key) in tile.iter_mut().zip(keys).take(size) {
                if let Some(to) = to.get_mut(token % KEYS) {
                    *to = key * scale;
                }
            }
            let (values, rest) = values.get(first..first + size).unwrap_or_default().as_chunks::<CHANNELS>();
            let mut tiles = self.values.iter_mut().skip(token).step_by(length);
            for (values, to) in values.iter().zip(&mut tiles) {
                *to = *values;
            }
            if let (false, Some(to)) = (rest.is_empty(), tiles.next()) {
                to.iter_mut().zip(rest).for_each(|(to, value)| *to = *value);
            }
        }
    }

    fn take_queries(&mut self, inputs: &Inputs<'_>, rows: Range<usize>, first: usize, size: usize) {
        self.queries.clear();
        self.queries.resize(size, [0.0; QUERIES]);
        for (lane, row) in rows.enumerate() {
            let query = inputs.queries.get(row * inputs.query_width + first..).unwrap_or_default();
            for (to, value) in self.queries.iter_mut().zip(query) {
                if let Some(to) = to.get_mut(lane) {
                    *to = *value;
                }
            }
        }
    }

    /// Fills `weights` with `2^(score - largest score)` and returns the sums of each query's weights.
    #[inline]
    fn weigh(&mut self, length: usize, size: usize) -> [F32x4; 2] {
        self.weights.clear();
        self.weights.resize(length.next_multiple_of(KEYS), [0.0; QUERIES]);
        let queries = self.queries.as_slice();
        let mut largest = [F32x4::splat(f32::NEG_INFINITY); 2];
        let tiles = self.weights.as_chunks_mut::<KEYS>().0;
        let mut left = length;
        for (keys, weights) in self.keys.chunks_exact(size).zip(tiles) {
            let scores = scores(queries, keys);
            for (to, [low, high]) in weights.iter_mut().zip(scores) {
                store_halves(low, high, to);
            }
            // Keys beyond the last have score 0 and must not be the largest.
            for [low, high] in scores.into_iter().take(left) {
                largest = [largest[0].max(low), largest[1].max(high)];
            }
            left = left.saturating_sub(KEYS);
        }
        let mut sums = [F32x4::splat(0.0); 2];
        for to in self.weights.iter_mut().take(length) {
            let (low, high) = halves(to);
            let (low, high) = (exp2(low - largest[0]), exp2(high - largest[1]));
            sums = [sums[0] + low, sums[1] + high];
            store_halves(low, high, to);
        }
        sums
    }

    /// Writes each query's weighted mean of the values into its row's `channels`; `out` holds rows of `width`.
    #[inline]
    fn mix(&self, length: usize, sums: [F32x4; 2], out: &mut [f32], width: usize, channels: Range<usize>) {
        let one = F32x4::splat(1.0);
        for (tile, values) in self.values.chunks_exact(length).enumerate() {
            let start = channels.start + tile * CHANNELS;
            let end = (start + CHANNELS).min(channels.end);
            let mut rows = out.chunks_exact_mut(width).map(|row| row.get_mut(start..end).unwrap_or_default());
            for (half, sums) in sums.into_iter().enumerate() {
                let mixed = weighted_sums(&self.weights, values, half * HALF);
                for (([low, high], inverse), to) in mixed.into_iter().zip((one / sums).to_array()).zip(&mut rows) {
                    let inverse = F32x4::splat(inverse);
                    let mut mean = [0.0; CHANNELS];
                    store_halves(low * inverse, high * inverse, &mut mean);
                    match to.first_chunk_mut::<CHANNELS>() {
                        Some(to) => *to = mean,
                        None => to.iter_mut().zip(mean).for_each(|(to, value)| *to = value),
                    }
                }
            }
        }
    }
}

/// Products of eight queries with four keys: two registers a key, lanes are queries. The inner loops of this file are not
/// unrolled: that was measured slower in wasm.
#[inline(always)]
fn scores(queries: &[[f32; QUERIES]], keys: &[[f32; KEYS]]) -> [[F32x4; 2]; KEYS] {
    let mut sums = [[F32x4::splat(0.0); 2]; KEYS];
    for (query, key) in queries.iter().zip(keys) {
        let (low, high) = halves(query);
        for ([first, second], key) in sums.iter_mut().zip(key) {
            let key = F32x4::splat(*key);
            *first = *first + low * key;
            *second = *second + high * key;
        }
    }
    sums
}

/// For each of four queries, from `first` on, the sum of the values of eight channels, weighted.
#[inline(always)]
fn weighted_sums(weights: &[[f32; QUERIES]], values: &[[f32; CHANNELS]], first: usize) -> [[F32x4; 2]; HALF] {
    let mut sums = [[F32x4::splat(0.0); 2]; HALF];
    for (weights, values) in weights.iter().zip(values) {
        let (low, high) = halves(values);
        let weights = weights.get(first..first + HALF).unwrap_or_default();
        for ([first, second], weight) in sums.iter_mut().zip(weights) {
            let weight = F32x4::splat(*weight);
            *first = *first + weight * low;
            *second = *second + weight * high;
        }
    }
    sums
}

#[inline(always)]
fn halves(values: &[f32; 8]) -> (F32x4, F32x4) {
    match values.as_chunks::<4>().0 {
        [low, high] => (F32x4::load(low), F32x4::load(high)),
        _ => (F32x4::splat(0.0), F32x4::splat(0.0)),
    }
}

#[inline(always)]
fn store_halves(low: F32x4, high: F32x4, to: &mut [f32; 8]) {
    if let [first, second] = to.as_chunks_mut::<4>().0 {
        low.store(first);
        high.store(second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::test_data::noise;

    /// The definition, in f64.
    fn reference(inputs: &Inputs<'_>, query_of_token: impl Fn(usize, usize) -> Option<usize>) -> Vec<f64> {
        let size = inputs.hidden / inputs.heads;
        let rows = inputs.queries.len() / inputs.query_width;
        let mut out = vec![0.0; rows * inputs.hidden];
        for (sequence, bounds) in inputs.offsets.windows(2).enumerate() {
            let tokens = bounds[0] as usize..bounds[1] as usize;
            for token in tokens.clone() {
                let Some(row) = query_of_token(sequence, token) else { continue };
                for head in 0..inputs.heads {
                    let at =
                        |slice: &[f32], row: usize, width: usize, column: usize| f64::from(slice[row * width + column]);
                    let key = inputs.key_value_width - 2 * inputs.hidden;
                    let scores: Vec<f64> = tokens
                        .clone()
                        .map(|other| {
                            (head * size..(head + 1) * size)
                                .map(|c| {
                                    at(inputs.queries, row, inputs.query_width, c)
                                        * at(inputs.keys_values, other, inputs.key_value_width, key + c)
                                })
                                .sum::<f64>()
                                / (size as f64).sqrt()
                        })
                        .collect();
                    let largest = scores.iter().copied().fold(f64::MIN, f64::max);
                    let weights: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
                    let sum: f64 = weights.iter().sum();
                    for c in head * size..(head + 1) * size {
                        let mixed = tokens.clone().zip(&weights).map(|(other, weight)| {
                            weight * at(inputs.keys_values, other, inputs.key_value_width, key + inputs.hidden + c)
                        });
                        out[row * inputs.hidden + c] = mixed.sum::<f64>() / sum;
                    }
                }
            }
        }
        out
    }

    fn assert_close(ours: &[f32], exact: &[f64]) {
        for (index, (ours, exact)) in ours.iter().zip(exact).enumerate() {
            assert!((f64::from(*ours) - exact).abs() < 5e-6, "{index}: {ours} is not {exact}");
        }
    }

    #[test]
    fn every_length_and_head_size_equals_the_definition() {
        for (heads, size) in [(1, 1), (2, 3), (4, 8), (3, 32), (2, 64)] {
            let hidden = heads * size;
            for length in (1..=64).chain([127, 130]) {
                let qkv = noise(length * 3 * hidden, 7);
                let offsets = [0, length as i32];
                let inputs = Inputs {
                    queries: &qkv,
                    query_width: 3 * hidden,
                    keys_values: &qkv,
                    key_value_width: 3 * hidden,
                    offsets: &offsets,
                    hidden,
                    heads,
                };
                let mut out = vec![f32::NAN; length * hidden];
                attention(inputs, &mut out);
                assert_close(&out, &reference(&inputs, |_, token| Some(token)));
            }
        }
    }

    #[test]
    fn a_sequence_is_the_same_in_company_bit_for_bit() {
        let (hidden, heads) = (16, 2);
        let qkv = noise(40 * 3 * hidden, 3);
        let run = |qkv: &[f32], offsets: &[i32]| {
            let width = 3 * hidden;
            let mut out = vec![0.0; qkv.len() / 3];
            attention(
                Inputs {
                    queries: qkv,
                    query_width: width,
                    keys_values: qkv,
                    key_value_width: width,
                    offsets,
                    hidden,
                    heads,
                },
                &mut out,
            );
            out
        };
        let together = run(&qkv, &[0, 5, 18, 40]);
        let alone = run(&qkv[5 * 3 * hidden..18 * 3 * hidden], &[0, 13]);
        assert_eq!(together[5 * hidden..18 * hidden], alone);
    }

    #[test]
    fn first_tokens_alone_give_the_same_rows_bit_for_bit() {
        let (hidden, heads) = (24, 3);
        let qkv = noise(30 * 3 * hidden, 9);
        let offsets = [0, 7, 8, 30];
        let width = 3 * hidden;
        let all = Inputs {
            queries: &qkv,
            query_width: width,
            keys_values: &qkv,
            key_value_width: width,
            offsets: &offsets,
            hidden,
            heads,
        };
        let mut everything = vec![0.0; 30 * hidden];
        attention(all, &mut everything);
        let queries: Vec<f32> = [0, 7, 8].iter().flat_map(|t| qkv[t * width..t * width + hidden].to_vec()).collect();
        let keys_values: Vec<f32> = qkv.chunks(width).flat_map(|row| row[hidden..].to_vec()).collect();
        let mut firsts = vec![0.0; 3 * hidden];
        let split = Inputs {
            queries: &queries,
            query_width: hidden,
            keys_values: &keys_values,
            key_value_width: 2 * hidden,
            ..all
        };
        attention(split, &mut firsts);
        for (row, token) in [0, 7, 8].into_iter().enumerate() {
            assert_eq!(firsts[row * hidden..(row + 1) * hidden], everything[token * hidden..(token + 1) * hidden]);
        }
    }

    #[test]
    fn large_scores_do_not_overflow() {
        let hidden = 8;
        let qkv: Vec<f32> = noise(9 * 3 * hidden, 1).iter().map(|v| v * 300.0).collect();
        let inputs = Inputs {
            queries: &qkv,
            query_width: 24,
            keys_values: &qkv,
            key_value_width: 24,
            offsets: &[0, 9],
            hidden,
            heads: 1,
        };
        let mut out = vec![0.0; 9 * hidden];
        attention(inputs, &mut out);
        assert!(out.iter().all(|value| value.is_finite()));
    }

    #[test]
    fn keys_beyond_the_last_do_not_count_when_all_scores_are_low() {
        // One head of size 1: scores -300, -301, -302, far below the 0 of the padding in a tile of four keys.
        let (query, keys, values) = (-10.0, [30.0, 30.1, 30.2], [1.0, 10.0, 100.0]);
        let keys_values: Vec<f32> = keys.iter().zip(values).flat_map(|(key, value)| [*key, value]).collect();
        let inputs = Inputs {
            queries: &[query],
            query_width: 1,
            keys_values: &keys_values,
            key_value_width: 2,
            offsets: &[0, 3],
            hidden: 1,
            heads: 1,
        };
        let mut out = [0.0];
        attention(inputs, &mut out);
        let weights = keys.map(|key| (f64::from(query) * (f64::from(key) - 30.0)).exp());
        let mixed: f64 = weights.iter().zip(values).map(|(weight, value)| weight * f64::from(value)).sum();
        let exact = mixed / weights.iter().sum::<f64>();
        assert!((f64::from(out[0]) - exact).abs() < 1e-2, "{} is not {exact}", out[0]);
    }
}
