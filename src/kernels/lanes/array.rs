//! Arrays, which compilers turn into SSE or NEON.

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

    /// Without their signs.
    #[inline(always)]
    pub fn abs(self) -> Self {
        Self(self.0.map(f32::abs))
    }

    /// The bits of the lanes.
    #[inline(always)]
    pub fn bits(self) -> I32x4 {
        I32x4(self.0.map(|value| value.to_bits().cast_signed()))
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
#[repr(align(16))]
pub struct I32x4(pub [i32; 4]);

impl I32x4 {
    #[inline(always)]
    pub fn load(from: &[i32; 4]) -> Self {
        Self(*from)
    }

    #[inline(always)]
    pub fn store(self, to: &mut [i32; 4]) {
        *to = self.0;
    }

    #[inline(always)]
    pub fn splat(value: i32) -> Self {
        Self([value; 4])
    }

    #[inline(always)]
    pub fn max(self, other: Self) -> Self {
        self.zip(other, i32::max)
    }

    /// Each lane shifted right, with its sign.
    #[inline(always)]
    pub fn shifted_right(self, bits: u32) -> Self {
        Self(self.0.map(|lane| lane.wrapping_shr(bits)))
    }

    /// Two i16 in each lane: the lower 16 bits of `low` and of `high`.
    #[inline(always)]
    pub fn pairs(low: Self, high: Self) -> Self {
        low.zip(high, |low, high| low & 0xffff | high << 16)
    }

    /// In each lane the sum of the products of its two i16 with those of `other`.
    #[inline(always)]
    #[cfg(not(target_arch = "x86_64"))]
    pub fn dot(self, other: Self) -> Self {
        let halves = |lane: i32| (i32::from(lane as i16), lane >> 16);
        self.zip(other, |a, b| {
            let ((a, c), (b, d)) = (halves(a), halves(b));
            (a * b).wrapping_add(c * d)
        })
    }

    /// In each lane the sum of the products of its two i16 with those of `other`.
    #[inline(always)]
    #[cfg(target_arch = "x86_64")]
    pub fn dot(self, other: Self) -> Self {
        use core::arch::x86_64::_mm_madd_epi16;
        // Said by hand, because compilers do not see it in the arithmetic.
        // SAFETY: SSE2 is part of x86-64.
        #[allow(unsafe_code)]
        let sums = unsafe { _mm_madd_epi16(bytemuck::cast(self.0), bytemuck::cast(other.0)) };
        Self(bytemuck::cast(sums))
    }

    /// The numbers as floats.
    #[inline(always)]
    pub fn to_floats(self) -> F32x4 {
        F32x4(self.0.map(|lane| lane as f32))
    }

    /// The two i16 of each lane, as lanes.
    #[inline(always)]
    pub fn halved(self) -> I16x8 {
        I16x8(bytemuck::cast(self.0))
    }

    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(i32, i32) -> i32) -> Self {
        let ([a, b, c, d], [e, g, h, i]) = (self.0, other.0);
        Self([f(a, e), f(b, g), f(c, h), f(d, i)])
    }
}

/// Eight i16 lanes.
#[derive(Clone, Copy, Debug)]
#[repr(align(16))]
pub struct I16x8([i16; 8]);

impl I16x8 {
    #[inline(always)]
    pub fn splat(value: i16) -> Self {
        Self([value; 8])
    }

    /// The lanes of `low`, then those of `high`, each at its limit where it does not fit.
    #[inline(always)]
    pub fn narrowed(low: I32x4, high: I32x4) -> Self {
        let mut lanes = [0; 8];
        for (to, lane) in lanes.iter_mut().zip(low.0.into_iter().chain(high.0)) {
            *to = lane.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
        }
        Self(lanes)
    }

    /// Two i16 in each lane.
    #[inline(always)]
    pub fn paired(self) -> I32x4 {
        I32x4(bytemuck::cast(self.0))
    }

    /// The lanes of both in turn, two in each lane of the results.
    #[inline(always)]
    pub fn interleaved(self, other: Self) -> [I32x4; 2] {
        let mut lanes = [0; 16];
        for (to, (first, second)) in lanes.as_chunks_mut::<2>().0.iter_mut().zip(self.0.into_iter().zip(other.0)) {
            *to = [first, second];
        }
        let [low, high]: [[i32; 4]; 2] = bytemuck::cast(lanes);
        [I32x4(low), I32x4(high)]
    }

    /// Twice as much, at most what fits.
    #[inline(always)]
    pub fn doubled(self) -> Self {
        Self(self.0.map(|lane| lane.saturating_mul(2)))
    }

    /// `self * other / 2^15`, halves up. Not for two lanes of -2^15: engines differ there.
    #[inline(always)]
    pub fn fraction(self, other: Self) -> Self {
        self.zip(other, |a, b| ((((i32::from(a) * i32::from(b)) >> 14) + 1) >> 1) as i16)
    }

    /// Lanes that are not negative, shifted right.
    #[inline(always)]
    pub fn shifted_right(self, bits: u32) -> Self {
        Self(self.0.map(|lane| lane.wrapping_shr(bits)))
    }

    /// The lowest 15 bits of each lane shifted left.
    #[inline(always)]
    pub fn low_bits_shifted(self, bits: u32) -> Self {
        Self(self.0.map(|lane| lane.wrapping_shl(bits) & i16::MAX))
    }

    /// `-2^(15 - n)` for lanes `n` in 0..=15.
    #[inline(always)]
    pub fn minus_power(self) -> Self {
        Self(self.0.map(|lane| i16::MIN.wrapping_shr(u32::from(lane.cast_unsigned()))))
    }

    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(i16, i16) -> i16) -> Self {
        let mut lanes = self.0;
        for (lane, other) in lanes.iter_mut().zip(other.0) {
            *lane = f(*lane, other);
        }
        Self(lanes)
    }
}

/// Wraps.
impl core::ops::Add for I16x8 {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, i16::wrapping_add)
    }
}

/// Wraps.
impl core::ops::Add for I32x4 {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, i32::wrapping_add)
    }
}

/// Wraps.
impl core::ops::Sub for I32x4 {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, i32::wrapping_sub)
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
