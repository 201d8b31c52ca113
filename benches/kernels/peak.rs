//! How many products of whole numbers this processor does at most, with the instructions that the kernels use and all data
//! in registers. x86-64 only; elsewhere there is nothing to compare with.

use std::time::{Duration, Instant};

/// GOP/s of one thread; a multiplication and an addition are two operations.
#[derive(Clone, Copy, Debug)]
pub struct Peak {
    /// 8-bit products, as the linear layers use them.
    pub int8: f64,
    /// 16-bit products in 128 bits, as attention uses them.
    pub int16: f64,
}

/// Best of several tries.
pub fn measure() -> Option<Peak> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        #[allow(unsafe_code)]
        let peak = Peak { int8: best(|n| unsafe { x86::int8(n) }), int16: best(x86::int16) };
        return Some(peak);
    }
    None
}

/// The most operations a nanosecond; `run` does as many rounds as it is told, and returns the operations of one.
fn best(run: impl Fn(u64) -> u64) -> f64 {
    const ROUNDS: u64 = 1 << 20;
    let once = || {
        let begun = Instant::now();
        let operations = run(ROUNDS) * ROUNDS;
        operations as f64 / begun.elapsed().max(Duration::from_nanos(1)).as_nanos() as f64
    };
    (0..20).map(|_| once()).fold(0.0, f64::max)
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m128i, __m256i, _mm_add_epi32, _mm_madd_epi16, _mm_set1_epi16, _mm256_add_epi32, _mm256_madd_epi16,
        _mm256_maddubs_epi16, _mm256_set1_epi8, _mm256_set1_epi16,
    };
    use std::hint::black_box;

    /// Sums side by side: enough to hide the latency of three dependent instructions, and they fit the 16 registers.
    const SUMS: usize = 12;

    /// Each sum is its own operand, so that no product can be taken out of the loop.
    #[target_feature(enable = "avx2")]
    pub fn int8(rounds: u64) -> u64 {
        let (weights, ones) = (black_box(_mm256_set1_epi8(3)), black_box(_mm256_set1_epi16(1)));
        let mut sums: [__m256i; SUMS] = black_box([weights; SUMS]);
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(_mm256_maddubs_epi16(*sum, weights), ones));
            }
        }
        black_box(sums);
        2 * 32 * SUMS as u64
    }

    pub fn int16(rounds: u64) -> u64 {
        // SAFETY: SSE2 is part of x86-64.
        #[allow(unsafe_code)]
        unsafe {
            let weights = black_box(_mm_set1_epi16(3));
            let mut sums: [__m128i; SUMS] = black_box([weights; SUMS]);
            for _ in 0..rounds {
                for sum in &mut sums {
                    *sum = _mm_add_epi32(*sum, _mm_madd_epi16(*sum, weights));
                }
            }
            black_box(sums);
        }
        2 * 8 * SUMS as u64
    }
}
