//! Four f32 lanes: SIMD128 in wasm, an array elsewhere, which compilers turn into SSE or NEON.
//!
//! Every operation is the IEEE one in both forms and nothing is fused, so the same kernel gives the same bits on every
//! machine. Relaxed multiply-add is not used for that reason: its result depends on the engine.

#[cfg(target_family = "wasm")]
mod form {
    use core::arch::wasm32::{
        f32x4_add, f32x4_convert_i32x4, f32x4_div, f32x4_mul, f32x4_pmax, f32x4_pmin, f32x4_splat, f32x4_sub,
        i32x4_add, i32x4_shl, i32x4_splat, v128, v128_load, v128_store,
    };

    #[derive(Clone, Copy, Debug)]
    pub struct F32x4(v128);

    impl F32x4 {
        #[inline(always)]
        pub fn load(from: &[f32; 4]) -> Self {
            // SAFETY: 16 readable bytes behind a reference; v128_load needs no alignment.
            #[allow(unsafe_code)]
            Self(unsafe { v128_load(from.as_ptr().cast()) })
        }

        #[inline(always)]
        pub fn store(self, to: &mut [f32; 4]) {
            // SAFETY: 16 writable bytes behind a unique reference; v128_store needs no alignment.
            #[allow(unsafe_code)]
            unsafe {
                v128_store(to.as_mut_ptr().cast(), self.0);
            }
        }

        #[inline(always)]
        pub fn splat(value: f32) -> Self {
            Self(f32x4_splat(value))
        }

        /// Four integers as floats.
        #[inline(always)]
        pub fn from_i32(values: v128) -> Self {
            Self(f32x4_convert_i32x4(values))
        }

        /// The larger; `self` if either is NaN. One instruction, unlike the maximum that orders zeros and NaN.
        #[inline(always)]
        pub fn max(self, other: Self) -> Self {
            Self(f32x4_pmax(self.0, other.0))
        }

        /// The smaller; `self` if either is NaN.
        #[inline(always)]
        pub fn min(self, other: Self) -> Self {
            Self(f32x4_pmin(self.0, other.0))
        }

        /// The bits of the lanes.
        #[inline(always)]
        pub fn bits(self) -> Bits {
            Bits(self.0)
        }

        #[inline(always)]
        pub fn to_array(self) -> [f32; 4] {
            let mut out = [0.0; 4];
            self.store(&mut out);
            out
        }
    }

    /// Four i32 lanes.
    #[derive(Clone, Copy, Debug)]
    pub struct Bits(pub v128);

    impl Bits {
        /// Each lane plus `value`, wrapping.
        #[inline(always)]
        pub fn plus(self, value: i32) -> Self {
            Self(i32x4_add(self.0, i32x4_splat(value)))
        }

        /// Each lane shifted left.
        #[inline(always)]
        pub fn shifted(self, bits: u32) -> Self {
            Self(i32x4_shl(self.0, bits))
        }

        /// The floats with these bits.
        #[inline(always)]
        pub fn floats(self) -> F32x4 {
            F32x4(self.0)
        }
    }

    impl core::ops::Add for F32x4 {
        type Output = Self;
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            Self(f32x4_add(self.0, other.0))
        }
    }

    impl core::ops::Sub for F32x4 {
        type Output = Self;
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            Self(f32x4_sub(self.0, other.0))
        }
    }

    impl core::ops::Mul for F32x4 {
        type Output = Self;
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            Self(f32x4_mul(self.0, other.0))
        }
    }

    impl core::ops::Div for F32x4 {
        type Output = Self;
        #[inline(always)]
        fn div(self, other: Self) -> Self {
            Self(f32x4_div(self.0, other.0))
        }
    }
}

#[cfg(not(target_family = "wasm"))]
mod form {
    #[derive(Clone, Copy, Debug)]
    #[repr(align(16))]
    pub struct F32x4([f32; 4]);

    impl F32x4 {
        #[inline(always)]
        pub fn load(from: &[f32; 4]) -> Self {
            Self(*from)
        }

        #[inline(always)]
        pub fn store(self, to: &mut [f32; 4]) {
            *to = self.0;
        }

        #[inline(always)]
        pub fn splat(value: f32) -> Self {
            Self([value; 4])
        }

        /// Four integers as floats.
        #[inline(always)]
        pub fn from_i32(values: [i32; 4]) -> Self {
            Self(values.map(|value| value as f32))
        }

        /// The larger; `self` if either is NaN.
        #[inline(always)]
        pub fn max(self, other: Self) -> Self {
            self.zip(other, |a, b| if a < b { b } else { a })
        }

        /// The smaller; `self` if either is NaN.
        #[inline(always)]
        pub fn min(self, other: Self) -> Self {
            self.zip(other, |a, b| if b < a { b } else { a })
        }

        /// The bits of the lanes.
        #[inline(always)]
        pub fn bits(self) -> Bits {
            Bits(self.0.map(|value| value.to_bits().cast_signed()))
        }

        #[inline(always)]
        pub fn to_array(self) -> [f32; 4] {
            self.0
        }

        #[inline(always)]
        fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
            let ([a, b, c, d], [e, g, h, i]) = (self.0, other.0);
            Self([f(a, e), f(b, g), f(c, h), f(d, i)])
        }
    }

    /// Four i32 lanes.
    #[derive(Clone, Copy, Debug)]
    pub struct Bits(pub [i32; 4]);

    impl Bits {
        /// Each lane plus `value`, wrapping.
        #[inline(always)]
        pub fn plus(self, value: i32) -> Self {
            Self(self.0.map(|lane| lane.wrapping_add(value)))
        }

        /// Each lane shifted left.
        #[inline(always)]
        pub fn shifted(self, bits: u32) -> Self {
            Self(self.0.map(|lane| lane.wrapping_shl(bits)))
        }

        /// The floats with these bits.
        #[inline(always)]
        pub fn floats(self) -> F32x4 {
            F32x4(self.0.map(|lane| f32::from_bits(lane.cast_unsigned())))
        }
    }

    impl core::ops::Add for F32x4 {
        type Output = Self;
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            self.zip(other, |a, b| a + b)
        }
    }

    impl core::ops::Sub for F32x4 {
        type Output = Self;
        #[inline(always)]
        fn sub(self, other: Self) -> Self {
            self.zip(other, |a, b| a - b)
        }
    }

    impl core::ops::Mul for F32x4 {
        type Output = Self;
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            self.zip(other, |a, b| a * b)
        }
    }

    impl core::ops::Div for F32x4 {
        type Output = Self;
        #[inline(always)]
        fn div(self, other: Self) -> Self {
            self.zip(other, |a, b| a / b)
        }
    }
}

pub(super) use form::{Bits, F32x4};

/// 1.5 * 2^23. A float below 2^22 plus this is rounded to a whole number, halves to even, which then stands in the low bits
/// of the sum, in two's complement.
const ROUNDER: f32 = 12_582_912.0;

/// A whole number in each lane, from [`F32x4::round`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole(F32x4);

impl Whole {
    /// As floats.
    #[inline(always)]
    pub(super) fn floats(self) -> F32x4 {
        self.0 - F32x4::splat(ROUNDER)
    }

    /// As integers.
    #[inline(always)]
    pub(super) fn bits(self) -> Bits {
        self.0.bits().plus(-ROUNDER.to_bits().cast_signed())
    }

    /// `2^n` for `n` in -126..=127: the number becomes the exponent, whatever is above it is shifted out.
    #[inline(always)]
    pub(super) fn exp2(self) -> F32x4 {
        const MANTISSA_BITS: u32 = 23;
        self.0.bits().shifted(MANTISSA_BITS).plus(1.0_f32.to_bits().cast_signed()).floats()
    }
}

impl F32x4 {
    /// The nearest whole numbers, halves to even. Lanes must be below 2^22 in magnitude.
    #[inline(always)]
    pub(super) fn round(self) -> Whole {
        Whole(self + Self::splat(ROUNDER))
    }

    /// Sum of the lanes, in a fixed order.
    #[inline(always)]
    pub(super) fn sum(self) -> f32 {
        let [a, b, c, d] = self.to_array();
        (a + b) + (c + d)
    }

    /// Lowest lane. What it is when one is NaN, is not said.
    #[inline(always)]
    pub(super) fn lowest(self) -> f32 {
        let [a, b, c, d] = self.to_array();
        a.min(b).min(c.min(d))
    }

    /// Highest lane. What it is when one is NaN, is not said.
    #[inline(always)]
    pub(super) fn highest(self) -> f32 {
        let [a, b, c, d] = self.to_array();
        a.max(b).max(c.max(d))
    }
}
