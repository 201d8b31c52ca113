//! Dropout masks that are computed, not stored: whether an element is kept depends on the seed and on its place only. So the
//! backward pass makes the same mask again, and a resumed run the same as an uninterrupted one.

/// Which elements of one operation's tensor are dropped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mask {
    seed: u64,
    /// An element is dropped if its 32 random bits are below this.
    threshold: u32,
    scale: f32,
}

impl Mask {
    /// Drops a share of `rate` (0 to below 1) and multiplies what is kept by `1 / (1 - rate)`.
    pub(crate) fn new(rate: f32, seed: u64) -> Self {
        let threshold = (f64::from(rate) * 2f64.powi(32)) as u32;
        Self { seed, threshold, scale: 1.0 / (1.0 - rate) }
    }

    /// Whether every element is kept as it is.
    pub(crate) const fn is_off(&self) -> bool {
        self.threshold == 0
    }

    /// Multiplies each element of `values`, a row with a number of its own, by 0 or the scale.
    #[inline]
    pub(crate) fn apply(&self, row: u64, values: &mut [f32]) {
        if self.is_off() {
            return;
        }
        let start = mixed(self.seed ^ row.wrapping_mul(0x9e37_79b9_7f4a_7c15)) as u32;
        for (place, value) in (0_u32..).zip(values) {
            let keep = bits(start.wrapping_add(place.wrapping_mul(0x9e37_79b9))) >= self.threshold;
            *value *= if keep { self.scale } else { 0.0 };
        }
    }
}

/// splitmix64's finaliser: a good 64-bit mix of `x`.
pub(crate) const fn mixed(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A 32-bit mix with little bias, of shifts and two multiplications.
#[inline(always)]
const fn bits(x: u32) -> u32 {
    let x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    let x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(mask: Mask, row: u64) -> Vec<f32> {
        let mut values = vec![1.0; 10_000];
        mask.apply(row, &mut values);
        values
    }

    #[test]
    fn drops_its_share_and_keeps_the_mean() {
        for rate in [0.1, 0.5] {
            let values = masked(Mask::new(rate, 7), 3);
            let dropped = values.iter().filter(|value| **value == 0.0).count() as f32 / 10_000.0;
            // Four standard deviations of a share of 10,000.
            assert!((dropped - rate).abs() < 0.02, "{dropped} of {rate}");
            assert!(values.iter().all(|value| *value == 0.0 || *value == 1.0 / (1.0 - rate)));
        }
    }

    #[test]
    fn differs_by_seed_and_row_only() {
        let mask = Mask::new(0.1, 7);
        assert_eq!(masked(mask, 3), masked(mask, 3));
        assert_ne!(masked(mask, 3), masked(mask, 4));
        assert_ne!(masked(mask, 3), masked(Mask::new(0.1, 8), 3));
    }

    #[test]
    fn rate_zero_keeps_everything() {
        assert!(Mask::new(0.0, 1).is_off());
        assert_eq!(masked(Mask::new(0.0, 1), 0), vec![1.0; 10_000]);
    }
}
