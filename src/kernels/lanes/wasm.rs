//! SIMD128.

use core::arch::wasm32::{
    f32x4_add, f32x4_convert_i32x4, f32x4_div, f32x4_mul, f32x4_pmax, f32x4_pmin, f32x4_splat, f32x4_sub, i32x4_add,
    i32x4_dot_i16x8, i32x4_max, i32x4_shl, i32x4_splat, i32x4_sub, v128, v128_and, v128_load, v128_or, v128_store,
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
    pub fn bits(self) -> I32x4 {
        I32x4(self.0)
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
pub struct I32x4(pub v128);

impl I32x4 {
    #[inline(always)]
    pub fn load(from: &[i32; 4]) -> Self {
        // SAFETY: 16 readable bytes behind a reference; v128_load needs no alignment.
        #[allow(unsafe_code)]
        Self(unsafe { v128_load(from.as_ptr().cast()) })
    }

    #[inline(always)]
    pub fn store(self, to: &mut [i32; 4]) {
        // SAFETY: 16 writable bytes behind a unique reference; v128_store needs no alignment.
        #[allow(unsafe_code)]
        unsafe {
            v128_store(to.as_mut_ptr().cast(), self.0);
        }
    }

    #[inline(always)]
    pub fn splat(value: i32) -> Self {
        Self(i32x4_splat(value))
    }

    #[inline(always)]
    pub fn max(self, other: Self) -> Self {
        Self(i32x4_max(self.0, other.0))
    }

    /// Each lane shifted left.
    #[inline(always)]
    pub fn shifted(self, bits: u32) -> Self {
        Self(i32x4_shl(self.0, bits))
    }

    /// Two i16 in each lane: the lower 16 bits of `low` and of `high`.
    #[inline(always)]
    pub fn pairs(low: Self, high: Self) -> Self {
        Self(v128_or(v128_and(low.0, i32x4_splat(0xffff)), i32x4_shl(high.0, 16)))
    }

    /// In each lane the sum of the products of its two i16 with those of `other`.
    #[inline(always)]
    pub fn dot(self, other: Self) -> Self {
        Self(i32x4_dot_i16x8(self.0, other.0))
    }

    /// The numbers as floats.
    #[inline(always)]
    pub fn to_floats(self) -> F32x4 {
        F32x4(f32x4_convert_i32x4(self.0))
    }

    /// The floats with these bits.
    #[inline(always)]
    pub fn as_floats(self) -> F32x4 {
        F32x4(self.0)
    }
}

/// Wraps.
impl core::ops::Add for I32x4 {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(i32x4_add(self.0, other.0))
    }
}

/// Wraps.
impl core::ops::Sub for I32x4 {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(i32x4_sub(self.0, other.0))
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
