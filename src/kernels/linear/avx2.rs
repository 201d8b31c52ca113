//! AVX2, for native builds: unsigned by signed bytes to pairs in i16, pairs to i32. With activations of 7 bits a pair is
//! at most 2 * 127 * 127 = 32,258, so the i16 never saturates and the result is exact.

use core::arch::x86_64::{
    __m256i, _mm256_add_epi32, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_set1_epi16,
    _mm256_set1_epi32, _mm256_setzero_si256, _mm256_storeu_si256,
};

use super::form::{Form, MOST_STEPS, Step};
use super::portable::Portable;
use super::{F32x4, I32x4, PANEL, Weights, run as run_form};

struct Avx2;

/// The whole layer. The caller has seen that the processor has AVX2.
pub(super) fn run(x: &[f32], weights: Weights<'_>, then: impl Fn(F32x4) -> F32x4, out: &mut [f32]) {
    #[target_feature(enable = "avx2")]
    fn with_avx2(x: &[f32], weights: Weights<'_>, then: impl Fn(F32x4) -> F32x4, out: &mut [f32]) {
        run_form::<Avx2>(x, weights, then, out);
    }
    debug_assert!(std::arch::is_x86_feature_detected!("avx2"));
    // SAFETY: the processor has AVX2.
    #[allow(unsafe_code)]
    unsafe {
        with_avx2(x, weights, then, out);
    }
}

// SAFETY of the blocks below: `Avx2` is private to this file and only `run` uses it, inside a function with AVX2; loads and
// stores go through references to 32 bytes and need no alignment.
#[allow(unsafe_code)]
impl Form for Avx2 {
    type Sums = __m256i;
    type Weights = [i32; PANEL];
    type Loaded = __m256i;

    const STEP: usize = Portable::STEP;

    #[inline(always)]
    fn panel(words: &[i32]) -> &[Self::Weights] {
        Portable::panel(words)
    }

    #[inline(always)]
    fn zero() -> Self::Sums {
        unsafe { _mm256_setzero_si256() }
    }

    #[inline(always)]
    fn load(weights: &Self::Weights) -> Self::Loaded {
        unsafe { _mm256_loadu_si256(weights.as_ptr().cast()) }
    }

    #[inline(always)]
    fn add(sums: Self::Sums, weights: Self::Loaded, activations: &Step) -> Self::Sums {
        unsafe {
            let activations = _mm256_set1_epi32(i32::from_le_bytes(*activations));
            let pairs = _mm256_maddubs_epi16(activations, weights);
            _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
        }
    }

    #[inline(always)]
    fn floats(sums: Self::Sums) -> [F32x4; 2] {
        let mut lanes = [0; PANEL];
        unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), sums) };
        Portable::floats(lanes)
    }

    #[inline(always)]
    fn steps(quantized: [I32x4; 4]) -> [Step; MOST_STEPS] {
        Portable::steps(quantized)
    }
}
