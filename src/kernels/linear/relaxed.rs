//! Relaxed SIMD: signed by unsigned 7-bit bytes to i32 in one instruction where the processor has it (VNNI, SDOT). The
//! specification leaves only activations of 8 bits open, so with 7 the result is exact and the same on every engine.

use core::arch::wasm32::{
    i16x8_narrow_i32x4, i32x4_relaxed_dot_i8x16_i7x16_add, i32x4_splat, u8x16_narrow_i16x8, v128, v128_load,
    v128_load32_splat, v128_store,
};

use super::form::{Form, MOST_STEPS, Step};
use super::{F32x4, I32x4, PANEL, Weights, run as run_form};

pub(super) struct Relaxed;

/// The whole layer.
#[target_feature(enable = "relaxed-simd")]
pub(super) fn run(x: &[f32], weights: Weights<'_>, then: impl Fn(F32x4) -> F32x4, out: &mut [f32]) {
    run_form::<Relaxed>(x, weights, then, out);
}

// SAFETY of the blocks below: loads and stores go through references to as many bytes and need no alignment. A module with
// these instructions is refused as a whole by an engine without them.
#[allow(unsafe_code)]
impl Form for Relaxed {
    type Sums = [v128; 2];
    type Weights = [i32; PANEL];
    type Loaded = [v128; 2];

    const STEP: usize = 4;

    #[inline(always)]
    fn panel(words: &[i32]) -> &[Self::Weights] {
        words.as_chunks().0
    }

    #[inline(always)]
    fn zero() -> Self::Sums {
        [i32x4_splat(0); 2]
    }

    #[inline(always)]
    fn load(weights: &Self::Weights) -> Self::Loaded {
        let at = weights.as_ptr().cast::<v128>();
        unsafe { [v128_load(at), v128_load(at.add(1))] }
    }

    #[inline(always)]
    fn add([low, high]: Self::Sums, weights: Self::Loaded, activations: &Step) -> Self::Sums {
        let activations = unsafe { v128_load32_splat(activations.as_ptr().cast()) };
        let [first, second] = weights;
        [
            i32x4_relaxed_dot_i8x16_i7x16_add(first, activations, low),
            i32x4_relaxed_dot_i8x16_i7x16_add(second, activations, high),
        ]
    }

    #[inline(always)]
    fn floats([low, high]: Self::Sums) -> [F32x4; 2] {
        [I32x4(low).to_floats(), I32x4(high).to_floats()]
    }

    #[inline(always)]
    fn steps([a, b, c, d]: [I32x4; 4]) -> [Step; MOST_STEPS] {
        let (low, high) = (i16x8_narrow_i32x4(a.0, b.0), i16x8_narrow_i32x4(c.0, d.0));
        let mut steps = [[0; 4]; MOST_STEPS];
        unsafe { v128_store(steps.as_mut_ptr().cast(), u8x16_narrow_i16x8(low, high)) };
        steps
    }
}
