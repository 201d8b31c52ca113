//! Self-attention over packed sequences: one pass per sequence and head, eight queries at a time, so that only eight rows of
//! attention weights exist at once.
//!
//! Both products are of whole numbers of 16 bits, two a lane, summed exactly in i32: twice as many products an instruction
//! as in f32. Queries, keys and values are quantised over their head of a sequence, so a sequence's result does not depend
//! on its neighbours. What that rounds away is a hundredth of what the 7 bits of the linear layers do.

mod quantize;
mod softmax;

use std::ops::Range;

use super::lanes::{F32x4, I32x4, Whole};
use super::sequences::AttentionInputs;
use quantize::{Extent, Scale, eights};
use softmax::Steps;

/// Queries that share one pass over the keys and values: two registers of four lanes.
const QUERIES: usize = 8;
/// Queries of one tile of weighted sums.
const HALF: usize = QUERIES / 2;
/// Keys of one tile of scores. 8 queries by 4 keys, like 4 queries by 8 value channels, fill 8 registers with sums and read
/// 6 for 16 products and sums.
const KEYS: usize = 4;
/// Value channels of one tile of weighted sums: two registers of four lanes.
const CHANNELS: usize = 8;
/// Largest magnitude of a number of 16 bits.
const LARGEST: f32 = 32_767.0;
/// Largest magnitude of a quantised value: with the sum that weights have, and its rounding, sums stay below 2^31 in
/// sequences of up to 65,536 tokens.
const LARGEST_VALUE: f32 = 8_191.0;

/// `softmax(q k' / sqrt(head)) v` for every sequence and head.
///
/// # Shapes
/// - out: `[queries, hidden]`
///
/// A head of a sequence that holds a NaN or an infinity gives NaN. Rows that the slices do not hold are left as they are; the
/// caller has checked lengths and offsets.
#[cfg_attr(all(target_family = "wasm", feature = "relaxed-simd"), target_feature(enable = "relaxed-simd"))]
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn attention(inputs: AttentionInputs<'_>, out: &mut [f32]) {
    run(inputs, out);
}

/// The same, compiled twice: compilers find AVX2's instructions in the arithmetic where they may use them.
#[cfg(target_arch = "x86_64")]
pub(crate) fn attention(inputs: AttentionInputs<'_>, out: &mut [f32]) {
    #[target_feature(enable = "avx2")]
    fn with_avx2(inputs: AttentionInputs<'_>, out: &mut [f32]) {
        run(inputs, out);
    }
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        #[allow(unsafe_code)]
        unsafe {
            with_avx2(inputs, out);
        }
    } else {
        run(inputs, out);
    }
}

#[inline(always)]
fn run(inputs: AttentionInputs<'_>, out: &mut [f32]) {
    let mut scratch = Scratch::default();
    let size = inputs.hidden / inputs.heads;
    for (tokens, asking) in inputs.sequences() {
        for head in 0..inputs.heads {
            let channels = head * size..(head + 1) * size;
            attend(&inputs, tokens.clone(), asking.clone(), &channels, &mut scratch, out);
        }
    }
}

/// One head of one sequence, packed for the tiles. Kept from call to call to reuse the memory.
///
/// A word is two whole numbers of 16 bits that are summed over: two of a head's channels in queries and keys, those of two
/// keys in values and weights. Zeros beyond a head's last channel; what lies beyond the last key or query is left over from
/// earlier, and not used.
#[derive(Default)]
struct Scratch {
    /// `[words of a head][8]`: eight queries.
    queries: Vec<[i32; QUERIES]>,
    /// `[tiles of keys][words of a head][4]`
    keys: Vec<[i32; KEYS]>,
    /// `[tiles of the head's channels][pairs of keys][8]`
    values: Vec<[i32; CHANNELS]>,
    /// `[keys padded to 4][8]`: scores of the eight queries.
    scores: Vec<[i32; QUERIES]>,
    /// `[pairs of keys][8]`: weights of the eight queries.
    weights: Vec<[i32; QUERIES]>,
}

/// How the numbers of a head are to be made and read.
struct Scales {
    query: Scale,
    steps: Steps,
    /// What one of a value's stands for; NaN if any number of the head is not finite.
    value: f32,
}

#[inline(always)]
fn attend(
    inputs: &AttentionInputs<'_>,
    tokens: Range<usize>,
    asking: Range<usize>,
    channels: &Range<usize>,
    scratch: &mut Scratch,
    out: &mut [f32],
) {
    let length = tokens.len();
    let scales = scratch.pack(inputs, &tokens, &asking, channels);
    for start in asking.clone().step_by(QUERIES) {
        let rows = start..(start + QUERIES).min(asking.end);
        scratch.take_queries(inputs, rows.clone(), channels, scales.query);
        let totals = scratch.weigh(length, scales.steps);
        let means = totals.map(|total| F32x4::splat(scales.value) / total);
        let out = out.get_mut(rows.start * inputs.hidden..rows.end * inputs.hidden).unwrap_or_default();
        scratch.mix(length, means, out, inputs.hidden, channels);
    }
}

/// Largest magnitude of a quantised query or key: differences of two sums of `size` products stay below 2^31 by 2^20, which
/// leaves room for half a step.
fn largest_factor(size: usize) -> f32 {
    (1_073_000_000.0 / size as f32).sqrt().floor().min(LARGEST)
}

/// Words of a head of `size` channels, filled up to whole registers.
fn words(size: usize) -> usize {
    size.div_ceil(2 * KEYS) * KEYS
}

impl Scratch {
    fn pack(
        &mut self,
        inputs: &AttentionInputs<'_>,
        tokens: &Range<usize>,
        asking: &Range<usize>,
        channels: &Range<usize>,
    ) -> Scales {
        let (size, length) = (channels.len(), tokens.len());
        let (words, pairs) = (words(size), length.div_ceil(2));
        let rows = inputs.keys_values(tokens, channels);
        let (mut key, mut value) = (Extent::default(), Extent::default());
        for (keys, values) in rows.clone() {
            key.see(keys);
            value.see(values);
        }
        let mut query = Extent::default();
        for row in asking.clone() {
            query.see(inputs.query(row, channels));
        }

        self.keys.resize(length.div_ceil(KEYS) * words, [0; KEYS]);
        let to_key = key.scale(largest_factor(size));
        for (token, (keys, _)) in rows.clone().enumerate() {
            let tile = self.keys.get_mut(token / KEYS * words..).unwrap_or_default();
            to_key.words(keys, |word, value| {
                if let Some(to) = tile.get_mut(word).and_then(|to| to.get_mut(token % KEYS)) {
                    *to = value;
                }
            });
        }

        self.values.resize(size.div_ceil(CHANNELS) * pairs, [0; CHANNELS]);
        let to_value = value.scale(LARGEST_VALUE);
        let mut rows = rows.map(|(_, values)| values);
        for pair in 0..pairs {
            let (even, odd) = (rows.next().unwrap_or_default(), rows.next().unwrap_or_default());
            let mut odd = eights(odd);
            let tiles = self.values.iter_mut().skip(pair).step_by(pairs);
            for (even, to) in eights(even).zip(tiles) {
                let odd = odd.next().unwrap_or([F32x4::splat(0.0); 2]);
                let pairs = |even, odd| Whole::pairs(to_value.whole(even), to_value.whole(odd));
                store_halves(pairs(even[0], odd[0]), pairs(even[1], odd[1]), to);
            }
        }
        let log2 = std::f32::consts::LOG2_E / (size as f32).sqrt();
        let most = query.scale(largest_factor(size));
        let steps = Steps::new(most.unit * to_key.unit * log2);
        Scales {
            query: most.coarser(to_key.unit * log2 / steps.unit()),
            steps,
            value: to_value.unit + 0.0 * (most.unit + to_key.unit),
        }
    }

    fn take_queries(
        &mut self,
        inputs: &AttentionInputs<'_>,
        rows: Range<usize>,
        channels: &Range<usize>,
        to_query: Scale,
    ) {
        self.queries.resize(words(channels.len()), [0; QUERIES]);
        for (lane, row) in rows.enumerate() {
            to_query.words(inputs.query(row, channels), |word, value| {
                if let Some(to) = self.queries.get_mut(word).and_then(|to| to.get_mut(lane)) {
                    *to = value;
                }
            });
        }
    }

    /// Fills `weights`, and returns the sums of each query's.
    #[inline(always)]
    fn weigh(&mut self, length: usize, steps: Steps) -> [F32x4; 2] {
        self.scores.resize(length.next_multiple_of(KEYS), [0; QUERIES]);
        let queries = self.queries.as_slice();
        let mut largest = [I32x4::splat(i32::MIN); 2];
        let tiles = self.scores.as_chunks_mut::<KEYS>().0;
        let mut left = length;
        for (keys, to) in self.keys.chunks_exact(queries.len()).zip(tiles) {
            let scores = scores(queries, keys);
            for (to, [low, high]) in to.iter_mut().zip(scores) {
                store_halves(low, high, to);
            }
            // What lies beyond the last key must not be the largest.
            for [low, high] in scores.into_iter().take(left) {
                largest = [largest[0].max(low), largest[1].max(high)];
            }
            left = left.saturating_sub(KEYS);
        }

        let scores = self.scores.get(..length).unwrap_or_default();
        softmax::weigh(scores, largest, steps, &mut self.weights)
    }

    /// Writes each query's weighted mean of the values into its row's `channels`; `out` holds rows of `width`. `units`: what a
    /// sum of 1 stands for, query by query.
    #[inline]
    fn mix(&self, length: usize, units: [F32x4; 2], out: &mut [f32], width: usize, channels: &Range<usize>) {
        for (tile, values) in self.values.chunks_exact(length.div_ceil(2)).enumerate() {
            let start = channels.start + tile * CHANNELS;
            let end = (start + CHANNELS).min(channels.end);
            let mut rows = out.chunks_exact_mut(width).map(|row| row.get_mut(start..end).unwrap_or_default());
            for (half, units) in units.into_iter().enumerate() {
                let mixed = weighted_sums(&self.weights, values, half * HALF);
                for (([low, high], unit), to) in mixed.into_iter().zip(units.to_array()).zip(&mut rows) {
                    let unit = F32x4::splat(unit);
                    let mut mean = [[0.0; 4]; 2];
                    for (mean, sum) in mean.iter_mut().zip([low, high]) {
                        (sum.to_floats() * unit).store(mean);
                    }
                    match to.as_chunks_mut::<CHANNELS>().0 {
                        [to] => to.copy_from_slice(mean.as_flattened()),
                        _ => to.iter_mut().zip(mean.as_flattened()).for_each(|(to, value)| *to = *value),
                    }
                }
            }
        }
    }
}

/// Products of eight queries with four keys: two registers a key, lanes are queries. The inner loops of this file are not
/// unrolled: that was measured slower in wasm.
#[inline(always)]
fn scores(queries: &[[i32; QUERIES]], keys: &[[i32; KEYS]]) -> [[I32x4; 2]; KEYS] {
    let mut sums = [[I32x4::splat(0); 2]; KEYS];
    for (query, key) in queries.iter().zip(keys) {
        let (low, high) = halves(query);
        for ([first, second], key) in sums.iter_mut().zip(key) {
            let key = I32x4::splat(*key);
            *first = *first + low.dot(key);
            *second = *second + high.dot(key);
        }
    }
    sums
}

/// For each of four queries, from `first` on, the sum of the values of eight channels, weighted.
#[inline(always)]
fn weighted_sums(weights: &[[i32; QUERIES]], values: &[[i32; CHANNELS]], first: usize) -> [[I32x4; 2]; HALF] {
    let mut sums = [[I32x4::splat(0); 2]; HALF];
    for (weights, values) in weights.iter().zip(values) {
        let (low, high) = halves(values);
        let weights = weights.get(first..first + HALF).unwrap_or_default();
        for ([first, second], weight) in sums.iter_mut().zip(weights) {
            let weight = I32x4::splat(*weight);
            *first = *first + low.dot(weight);
            *second = *second + high.dot(weight);
        }
    }
    sums
}

#[inline(always)]
fn halves(words: &[i32; 8]) -> (I32x4, I32x4) {
    match words.as_chunks::<4>().0 {
        [low, high] => (I32x4::load(low), I32x4::load(high)),
        _ => (I32x4::splat(0), I32x4::splat(0)),
    }
}

#[inline(always)]
fn store_halves(low: I32x4, high: I32x4, to: &mut [i32; 8]) {
    if let [first, second] = to.as_chunks_mut::<4>().0 {
        low.store(first);
        high.store(second);
    }
}

#[cfg(test)]
mod tests;
