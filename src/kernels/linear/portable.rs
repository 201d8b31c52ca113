//! The specification: plain integer arithmetic.

use super::form::Form;
use super::{F32x4, PANEL};

pub(super) struct Portable;

impl Form for Portable {
    type Sums = [i32; PANEL];
    type Step = [i32; PANEL];
    type Loaded = [[i8; 4]; PANEL];

    const STEP: usize = 4;
    const ZERO_POINT: i32 = 64;

    #[inline(always)]
    fn panel(words: &[i32]) -> &[Self::Step] {
        words.as_chunks().0
    }

    #[inline(always)]
    fn zero() -> Self::Sums {
        [0; PANEL]
    }

    #[inline(always)]
    fn load(weights: &Self::Step) -> Self::Loaded {
        weights.map(|word| word.to_le_bytes().map(u8::cast_signed))
    }

    #[inline(always)]
    fn add(mut sums: Self::Sums, weights: Self::Loaded, activations: [u8; 4]) -> Self::Sums {
        for (sum, weights) in sums.iter_mut().zip(weights) {
            for (weight, activation) in weights.into_iter().zip(activations) {
                *sum += i32::from(weight) * i32::from(activation);
            }
        }
        sums
    }

    #[inline(always)]
    fn floats(sums: Self::Sums, excess: &[i32; PANEL]) -> [F32x4; 2] {
        let [a, b, c, d, e, f, g, h] = std::array::from_fn(|i| match (sums.get(i), excess.get(i)) {
            (Some(sum), Some(excess)) => sum - excess,
            _ => 0,
        });
        [floats([a, b, c, d]), floats([e, f, g, h])]
    }

    #[inline(always)]
    fn store(rounded: &[f32; 16], to: &mut [[u8; 4]]) {
        for (word, values) in to.iter_mut().zip(rounded.as_chunks::<4>().0) {
            // -63..=63 plus the zero point; a NaN becomes 64, its row's scale is NaN.
            *word = values.map(|value| (value as i32 + Self::ZERO_POINT) as u8);
        }
    }
}

#[inline(always)]
fn floats(values: [i32; 4]) -> F32x4 {
    F32x4::from_i32(values)
}
