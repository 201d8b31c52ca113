//! The specification: plain integer arithmetic.

use super::form::{Form, MOST_STEPS, Step};
use super::{Bits, F32x4, PANEL};

pub(super) struct Portable;

impl Form for Portable {
    type Sums = [i32; PANEL];
    type Weights = [i32; PANEL];
    type Loaded = [[i8; 4]; PANEL];

    const STEP: usize = 4;

    #[inline(always)]
    fn panel(words: &[i32]) -> &[Self::Weights] {
        words.as_chunks().0
    }

    #[inline(always)]
    fn zero() -> Self::Sums {
        [0; PANEL]
    }

    #[inline(always)]
    fn load(weights: &Self::Weights) -> Self::Loaded {
        weights.map(|word| word.to_le_bytes().map(u8::cast_signed))
    }

    #[inline(always)]
    fn add(mut sums: Self::Sums, weights: Self::Loaded, activations: &Step) -> Self::Sums {
        for (sum, weights) in sums.iter_mut().zip(weights) {
            for (weight, activation) in weights.into_iter().zip(*activations) {
                *sum += i32::from(weight) * i32::from(activation);
            }
        }
        sums
    }

    #[inline(always)]
    fn floats([a, b, c, d, e, f, g, h]: Self::Sums) -> [F32x4; 2] {
        [F32x4::from_i32([a, b, c, d]), F32x4::from_i32([e, f, g, h])]
    }

    #[inline(always)]
    fn steps(quantized: [Bits; 4]) -> [Step; MOST_STEPS] {
        let [a, b, c, d] = quantized.map(|Bits(values)| values.map(|value| value as u8));
        [a, b, c, d, [0; 4], [0; 4], [0; 4], [0; 4]]
    }
}
