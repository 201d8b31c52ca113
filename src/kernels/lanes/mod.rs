//! Four lanes of f32 or i32, eight of i16: SIMD128 in wasm, arrays elsewhere.
//!
//! Every operation on floats is the IEEE one in both forms and nothing is fused, so the same kernel gives the same bits on
//! every machine. Relaxed multiply-add is not used for that reason: its result depends on the engine.

#[cfg_attr(target_family = "wasm", path = "wasm.rs")]
#[cfg_attr(not(target_family = "wasm"), path = "array.rs")]
mod form;

pub(in crate::kernels) use form::{F32x4, I16x8, I32x4};

/// 1.5 * 2^23. A float below 2^22 plus this is rounded to a whole number, halves to even, which then stands in the low bits
/// of the sum, in two's complement.
const ROUNDER: f32 = 12_582_912.0;

/// A whole number in each lane, from [`F32x4::round`].
#[derive(Clone, Copy, Debug)]
pub(in crate::kernels) struct Whole(F32x4);

impl Whole {
    /// As integers.
    #[inline(always)]
    pub(in crate::kernels) fn integers(self) -> I32x4 {
        self.0.bits() - I32x4::splat(ROUNDER.to_bits().cast_signed())
    }

    /// Two numbers of 16 bits in each lane. Only their lower 16 bits count, and those of the rounder are 0.
    #[inline(always)]
    pub(in crate::kernels) fn pairs(low: Self, high: Self) -> I32x4 {
        I32x4::pairs(low.0.bits(), high.0.bits())
    }
}

impl F32x4 {
    /// The nearest whole numbers, halves to even. Lanes must be below 2^22 in magnitude.
    #[inline(always)]
    pub(in crate::kernels) fn round(self) -> Whole {
        Whole(self + Self::splat(ROUNDER))
    }

    /// Sum of the lanes, in a fixed order.
    #[inline(always)]
    pub(in crate::kernels) fn sum(self) -> f32 {
        let [a, b, c, d] = self.to_array();
        (a + b) + (c + d)
    }

    /// Lowest lane. What it is when one is NaN, is not said.
    #[inline(always)]
    pub(in crate::kernels) fn lowest(self) -> f32 {
        let [a, b, c, d] = self.to_array();
        a.min(b).min(c.min(d))
    }

    /// Highest lane. What it is when one is NaN, is not said.
    #[inline(always)]
    pub(in crate::kernels) fn highest(self) -> f32 {
        let [a, b, c, d] = self.to_array();
        a.max(b).max(c.max(d))
    }
}
