//! The specification: plain integer arithmetic.

use super::form::{Form, MOST_STEPS, Step};
use super::{F32x4, I32x4, PANEL};

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
        [I32x4([a, b, c, d]).to_floats(), I32x4([e, f, g, h]).to_floats()]
    }

    #[inline(always)]
    fn steps(quantized: [I32x4; 4]) -> [Step; MOST_STEPS] {
        let [a, b, c, d] = quantized.map(|I32x4(values)| values.map(|value| value as u8));
        [a, b, c, d, [0; 4], [0; 4], [0; 4], [0; 4]]
    }
}
