//! Four f32 lanes: SIMD128 in wasm, an array elsewhere, which compilers turn into SSE or NEON.
//!
//! Every operation is the IEEE one in both forms and nothing is fused, so the same kernel gives the same bits on every
//! machine. Relaxed multiply-add is not used for that reason: its result depends on the engine.

#[cfg(target_family = "wasm")]
mod form {
    use core::arch::wasm32::{
        f32x4_abs, f32x4_add, f32x4_convert_i32x4, f32x4_div, f32x4_max, f32x4_min, f32x4_mul, f32x4_splat, f32x4_sub,
        i32x4_add, i32x4_shl, i32x4_splat, i32x4_trunc_sat_f32x4, v128, v128_load, v128_store,
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

        #[inline(always)]
        pub fn abs(self) -> Self {
            Self(f32x4_abs(self.0))
        }

        /// NaN if either is.
        #[inline(always)]
        pub fn max(self, other: Self) -> Self {
            Self(f32x4_max(self.0, other.0))
        }

        /// NaN if either is.
        #[inline(always)]
        pub fn min(self, other: Self) -> Self {
            Self(f32x4_min(self.0, other.0))
        }

        /// `2^n` for whole lanes `n` in -126..=127.
        #[inline(always)]
        pub fn exp2_whole(self) -> Self {
            Self(i32x4_shl(i32x4_add(i32x4_trunc_sat_f32x4(self.0), i32x4_splat(127)), 23))
        }

        #[inline(always)]
        pub fn to_array(self) -> [f32; 4] {
            let mut out = [0.0; 4];
            self.store(&mut out);
            out
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

        #[inline(always)]
        pub fn abs(self) -> Self {
            Self(self.0.map(f32::abs))
        }

        /// NaN if either is.
        #[inline(always)]
        pub fn max(self, other: Self) -> Self {
            self.zip(other, |a, b| if a > b || a.is_nan() { a } else { b })
        }

        /// NaN if either is.
        #[inline(always)]
        pub fn min(self, other: Self) -> Self {
            self.zip(other, |a, b| if a < b || a.is_nan() { a } else { b })
        }

        /// `2^n` for whole lanes `n` in -126..=127.
        #[inline(always)]
        pub fn exp2_whole(self) -> Self {
            Self(self.0.map(|n| f32::from_bits(((n as i32 + 127) << 23).cast_unsigned())))
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

pub(super) use form::F32x4;

/// Adding and subtracting it rounds a float below 2^22 to the nearest whole number, halves to even.
const ROUNDER: f32 = 12_582_912.0;

impl F32x4 {
    /// The nearest whole numbers, halves to even. Lanes must be below 2^22 in magnitude.
    #[inline(always)]
    pub(super) fn round(self) -> Self {
        (self + Self::splat(ROUNDER)) - Self::splat(ROUNDER)
    }

    /// Sum of the lanes, in a fixed order.
    #[inline(always)]
    pub(super) fn sum(self) -> f32 {
        let [a, b, c, d] = self.to_array();
        (a + b) + (c + d)
    }

    /// Largest lane; NaN if one is.
    #[inline(always)]
    pub(super) fn largest(self) -> f32 {
        let [a, b, c, d] = self.to_array().map(Self::splat);
        let [largest, ..] = a.max(b).max(c.max(d)).to_array();
        largest
    }
}
