//! SIMD128 only: activations in i16, weights widened on load, `i32x4.dot_i16x8_s`.

use core::arch::wasm32::{
    i16x8_load_extend_i8x8, i16x8_narrow_i32x4, i32x4_add, i32x4_dot_i16x8, i32x4_splat, v128, v128_load32_splat,
    v128_store,
};

use super::form::{Form, MOST_STEPS, Step};
use super::{F32x4, I32x4, PANEL};

pub(super) struct Simd128;

// SAFETY of the blocks below: loads and stores go through references to as many bytes and need no alignment.
#[allow(unsafe_code)]
impl Form for Simd128 {
    type Sums = [v128; 2];
    type Weights = [i32; PANEL / 2];
    type Loaded = [v128; 2];

    const STEP: usize = 2;

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
        let at = weights.as_ptr().cast::<i8>();
        unsafe { [i16x8_load_extend_i8x8(at), i16x8_load_extend_i8x8(at.add(8))] }
    }

    #[inline(always)]
    fn add([low, high]: Self::Sums, [first, second]: Self::Loaded, activations: &Step) -> Self::Sums {
        let activations = unsafe { v128_load32_splat(activations.as_ptr().cast()) };
        [i32x4_add(low, i32x4_dot_i16x8(activations, first)), i32x4_add(high, i32x4_dot_i16x8(activations, second))]
    }

    #[inline(always)]
    fn floats([low, high]: Self::Sums) -> [F32x4; 2] {
        [I32x4(low).to_floats(), I32x4(high).to_floats()]
    }

    #[inline(always)]
    fn steps([a, b, c, d]: [I32x4; 4]) -> [Step; MOST_STEPS] {
        let mut steps = [[0; 4]; MOST_STEPS];
        let to = steps.as_mut_ptr().cast::<v128>();
        unsafe {
            v128_store(to, i16x8_narrow_i32x4(a.0, b.0));
            v128_store(to.add(1), i16x8_narrow_i32x4(c.0, d.0));
        }
        steps
    }
}
