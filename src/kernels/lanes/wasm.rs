//! SIMD128.

use core::arch::wasm32::{
    f32x4_abs, f32x4_add, f32x4_convert_i32x4, f32x4_div, f32x4_mul, f32x4_pmax, f32x4_pmin, f32x4_splat, f32x4_sub,
    i8x16, i8x16_add, i16x8_add, i16x8_add_sat, i16x8_mul, i16x8_narrow_i32x4, i16x8_shl, i16x8_shuffle, i16x8_splat,
    i32x4_add, i32x4_dot_i16x8, i32x4_max, i32x4_shl, i32x4_shr, i32x4_splat, i32x4_sub, u16x8_shr, v128, v128_and,
    v128_load, v128_or, v128_store,
};
#[cfg(feature = "relaxed-simd")]
use core::arch::wasm32::{i8x16_relaxed_swizzle as swizzle, i16x8_relaxed_q15mulr as q15mulr};
#[cfg(not(feature = "relaxed-simd"))]
use core::arch::wasm32::{i8x16_swizzle as swizzle, i16x8_q15mulr_sat as q15mulr};

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

    /// Without their signs.
    #[inline(always)]
    pub fn abs(self) -> Self {
        Self(f32x4_abs(self.0))
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

    /// Each lane shifted right, with its sign.
    #[inline(always)]
    pub fn shifted_right(self, bits: u32) -> Self {
        Self(i32x4_shr(self.0, bits))
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

    /// The two i16 of each lane, as lanes.
    #[inline(always)]
    pub fn halved(self) -> I16x8 {
        I16x8(self.0)
    }
}

/// Eight i16 lanes.
#[derive(Clone, Copy, Debug)]
pub struct I16x8(v128);

impl I16x8 {
    #[inline(always)]
    pub fn splat(value: i16) -> Self {
        Self(i16x8_splat(value))
    }

    /// The lanes of `low`, then those of `high`, each at its limit where it does not fit.
    #[inline(always)]
    pub fn narrowed(low: I32x4, high: I32x4) -> Self {
        Self(i16x8_narrow_i32x4(low.0, high.0))
    }

    /// Two i16 in each lane.
    #[inline(always)]
    pub fn paired(self) -> I32x4 {
        I32x4(self.0)
    }

    /// The lanes of both in turn, two in each lane of the results.
    #[inline(always)]
    pub fn interleaved(self, other: Self) -> [I32x4; 2] {
        [
            I32x4(i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(self.0, other.0)),
            I32x4(i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(self.0, other.0)),
        ]
    }

    /// Twice as much, at most what fits.
    #[inline(always)]
    pub fn doubled(self) -> Self {
        Self(i16x8_add_sat(self.0, self.0))
    }

    /// `self * other / 2^15`, halves up. Not for two lanes of -2^15: engines differ there.
    #[inline(always)]
    pub fn fraction(self, other: Self) -> Self {
        Self(q15mulr(self.0, other.0))
    }

    /// Lanes that are not negative, shifted right.
    #[inline(always)]
    pub fn shifted_right(self, bits: u32) -> Self {
        Self(u16x8_shr(self.0, bits))
    }

    /// The lowest 15 bits of each lane shifted left.
    #[inline(always)]
    pub fn low_bits_shifted(self, bits: u32) -> Self {
        Self(v128_and(i16x8_shl(self.0, bits), i16x8_splat(i16::MAX)))
    }

    /// `-2^(15 - n)` for lanes `n` in 0..=15.
    #[inline(always)]
    pub fn minus_power(self) -> Self {
        // The upper byte is that of entry n, the lower one that of entry n - 8, or 0 where there is none: an index above 127
        // gives 0 in every form of the instruction.
        const TABLE: v128 = i8x16(-128, -64, -32, -16, -8, -4, -2, -1, -1, -1, -1, -1, -1, -1, -1, -1);
        const OFFSETS: v128 = i8x16(-8, 0, -8, 0, -8, 0, -8, 0, -8, 0, -8, 0, -8, 0, -8, 0);
        let both = i16x8_mul(self.0, i16x8_splat(0x101));
        Self(swizzle(TABLE, i8x16_add(both, OFFSETS)))
    }
}

/// Wraps.
impl core::ops::Add for I16x8 {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(i16x8_add(self.0, other.0))
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
