//! 4-bit rows: the table of words, in groups of 32 values with a scale and a minimum.
//!
//! A group is a block of 20 bytes: the scale and the minimum as f16, then 16 bytes with value `i` in the low and value
//! `i + 16` in the high half. The layout is that of GGML's `q4_1`, so a row is read in one piece and a GPU takes it as five
//! words. A value is `q * scale + minimum`. The only place that makes them, so `crossrank quantize` and loading a float
//! model give the same bytes.

use half::f16;

const LARGEST: f32 = 15.0;

/// Values of a group.
pub const GROUP: usize = 32;
/// Bytes of a group's block.
pub const BLOCK_BYTES: usize = 4 + GROUP / 2;

/// A matrix in 4 bits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Int4Rows {
    /// `[rows, columns / 32, 20]`
    pub blocks: Vec<u8>,
    /// Width of a row, a multiple of 32.
    pub columns: usize,
}

/// Whether rows of so many values have a 4-bit form.
#[must_use]
pub const fn has_int4_form(columns: usize) -> bool {
    columns > 0 && columns.is_multiple_of(GROUP)
}

/// The shape of a table of `rows` rows of `columns` values.
#[must_use]
pub const fn int4_shape(rows: usize, columns: usize) -> [usize; 3] {
    [rows, columns / GROUP, BLOCK_BYTES]
}

impl Int4Rows {
    /// Quantises rows of `columns` values.
    ///
    /// # Panics
    /// Unless [`has_int4_form`] of `columns`.
    #[must_use]
    pub fn quantize(values: &[f32], columns: usize) -> Self {
        assert!(has_int4_form(columns), "{columns} columns are not groups of {GROUP}");
        let blocks = values.as_chunks::<GROUP>().0.iter().flat_map(block).collect();
        Self { blocks, columns }
    }

    /// The values as floats.
    #[must_use]
    pub fn dequantize(&self) -> Vec<f32> {
        self.blocks.as_chunks::<BLOCK_BYTES>().0.iter().flat_map(values_of).collect()
    }
}

/// The values of a group.
pub(crate) fn values_of(block: &[u8; BLOCK_BYTES]) -> [f32; GROUP] {
    let [s0, s1, m0, m1, codes @ ..] = block;
    let (scale, minimum) = (f16::from_le_bytes([*s0, *s1]).to_f32(), f16::from_le_bytes([*m0, *m1]).to_f32());
    let mut values = [0.0; GROUP];
    let (low, high) = values.split_at_mut(GROUP / 2);
    for ((low, high), code) in low.iter_mut().zip(high).zip(codes) {
        *low = f32::from(code & 15) * scale + minimum;
        *high = f32::from(code >> 4) * scale + minimum;
    }
    values
}

fn block(values: &[f32; GROUP]) -> [u8; BLOCK_BYTES] {
    // A NaN must not become a number: it makes the minimum, and so every value of the group, NaN.
    let extreme = |pick: fn(f32, f32) -> f32| {
        values.iter().copied().reduce(|a, b| if a.is_nan() || b.is_nan() { f32::NAN } else { pick(a, b) })
    };
    let (least, most) = (extreme(f32::min).unwrap_or_default(), extreme(f32::max).unwrap_or_default());
    let (scale, minimum) = (f16::from_f32((most - least) / LARGEST), f16::from_f32(least));
    let mut block = [0; BLOCK_BYTES];
    let (head, codes) = block.split_at_mut(4);
    let [s0, s1] = scale.to_le_bytes();
    let [m0, m1] = minimum.to_le_bytes();
    head.copy_from_slice(&[s0, s1, m0, m1]);
    // Codes follow what the f16 say, not what they were rounded from.
    let (scale, minimum) = (scale.to_f32(), minimum.to_f32());
    let (low, high) = values.split_at(GROUP / 2);
    for ((code, low), high) in codes.iter_mut().zip(low).zip(high) {
        *code = nearest(*low, scale, minimum) | nearest(*high, scale, minimum) << 4;
    }
    block
}

fn nearest(value: f32, scale: f32, minimum: f32) -> u8 {
    // In a group of equal values the scale is 0; the cast saturates and turns NaN into 0.
    ((value - minimum) / scale).round().clamp(0.0, LARGEST) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_scale_minimum_and_codes_in_halves() {
        let values: Vec<f32> = (0..32).map(|i| f32::from(i as u8 % 16) * 0.5 - 2.0).collect();
        let rows = Int4Rows::quantize(&values, 32);
        let (head, codes) = rows.blocks.split_at(4);
        assert_eq!(head, [f16::from_f32(0.5).to_le_bytes(), f16::from_f32(-2.0).to_le_bytes()].concat());
        assert_eq!(codes, (0..16).map(|i| i | i << 4).collect::<Vec<u8>>());
        assert_eq!(rows.dequantize(), values);
    }

    #[test]
    fn each_group_has_its_own_range_and_no_value_is_off_by_more_than_half_a_step() {
        let mut values: Vec<f32> = (0..2 * 64).map(|i| (i as f32 * 1.7).sin()).collect();
        for (group, values) in values.chunks_exact_mut(GROUP).enumerate() {
            values.iter_mut().for_each(|value| *value = *value * 10_f32.powi(group as i32 - 2) + 0.1);
        }
        let rows = Int4Rows::quantize(&values, 64);
        assert_eq!(rows.blocks.len(), int4_shape(2, 64).iter().product::<usize>());
        for (group, ours) in values.chunks_exact(GROUP).zip(rows.dequantize().chunks_exact(GROUP)) {
            let range = group.iter().copied().fold(f32::MIN, f32::max) - group.iter().copied().fold(f32::MAX, f32::min);
            // Half a step, and what f16 rounds off the minimum and off 15 scales.
            let bound = range / 30.0 + range / 1000.0 + 0.2 / 2000.0;
            for (value, ours) in group.iter().zip(ours) {
                assert!((value - ours).abs() <= bound, "{value} became {ours}, bound {bound}");
            }
        }
    }

    #[test]
    fn equal_values_stay_equal() {
        assert_eq!(Int4Rows::quantize(&[0.0; 32], 32).dequantize(), [0.0; 32]);
        assert_eq!(Int4Rows::quantize(&[-0.75; 32], 32).dequantize(), [-0.75; 32]);
    }

    #[test]
    fn a_nan_makes_its_group_nan_and_no_other() {
        let mut values = vec![1.0; 64];
        values[33] = f32::NAN;
        let ours = Int4Rows::quantize(&values, 64).dequantize();
        assert!(ours[..32].iter().all(|value| *value == 1.0) && ours[32..].iter().all(|value| value.is_nan()));
    }

    #[test]
    fn what_f16_cannot_hold_does_not_become_a_number() {
        let mut values = [0.0; 32];
        values[3] = 1e30;
        assert!(Int4Rows::quantize(&values, 32).dequantize().iter().all(|value| !value.is_finite()));
    }
}
