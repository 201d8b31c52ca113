//! From f32 to whole numbers of 16 bits.

use crate::kernels::lanes::{F32x4, I32x4, Whole};

/// How far from 0 values reach.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    /// Bits of the largest magnitudes. They order like the magnitudes, and those of NaN are above infinity's.
    bits: I32x4,
}

impl Default for Extent {
    fn default() -> Self {
        Self { bits: I32x4::splat(0) }
    }
}

impl Extent {
    #[inline(always)]
    pub(super) fn see(&mut self, values: &[f32]) {
        for lanes in eights(values).flatten() {
            self.bits = self.bits.max(lanes.abs().bits());
        }
    }

    /// The scale that maps the values seen to whole numbers of magnitude `largest` at most.
    pub(super) fn scale(self, largest: f32) -> Scale {
        let mut bits = [0; 4];
        self.bits.store(&mut bits);
        let extent = bits.into_iter().max().map_or(0.0, |bits| f32::from_bits(bits.cast_unsigned()));
        let inverse = if extent > 0.0 { largest / extent } else { 0.0 };
        // Times 0: NaN for an infinity too.
        Scale { inverse: F32x4::splat(inverse), unit: extent / largest + extent * 0.0 }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Scale {
    inverse: F32x4,
    /// What 1 stands for where values fill their bits; NaN if one of them was not finite.
    pub unit: f32,
}

impl Scale {
    /// As many whole numbers to a value as `density`, if that is fewer.
    pub(super) fn coarser(self, density: f32) -> Self {
        let inverse = self.inverse.min(F32x4::splat(density));
        Self { inverse, ..self }
    }

    #[inline(always)]
    pub(super) fn whole(self, values: F32x4) -> Whole {
        (values * self.inverse).round()
    }

    /// Gives `to` the words of a row of values, two values each, with their index. Which two share a word is the same for all
    /// rows of one length.
    #[inline(always)]
    pub(super) fn words(self, values: &[f32], mut to: impl FnMut(usize, i32)) {
        for (eight, [low, high]) in eights(values).enumerate() {
            let mut words = [0; 4];
            Whole::pairs(self.whole(low), self.whole(high)).store(&mut words);
            for (i, word) in words.into_iter().enumerate() {
                to(4 * eight + i, word);
            }
        }
    }
}

/// Eight values at a time; zeros after the last.
#[inline(always)]
pub(super) fn eights(values: &[f32]) -> impl Iterator<Item = [F32x4; 2]> {
    values.chunks(8).map(|eight| {
        let pad = |eight: &[f32]| {
            let mut padded = [0.0; 8];
            padded.iter_mut().zip(eight).for_each(|(to, value)| *to = *value);
            padded
        };
        let padded = match eight.first_chunk::<8>() {
            Some(eight) => *eight,
            None => pad(eight),
        };
        match padded.as_chunks::<4>().0 {
            [low, high] => [F32x4::load(low), F32x4::load(high)],
            _ => [F32x4::splat(0.0); 2],
        }
    })
}
