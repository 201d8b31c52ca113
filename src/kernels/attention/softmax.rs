//! Softmax in whole numbers of 16 bits, for eight queries at a time.
//!
//! How far a score lies below its query's largest becomes a whole number of steps, 1/2048 of a factor of two each, by a
//! shift: queries are quantised so that a step is a power of two of a score's own unit ([`Steps`]). Weights are then powers
//! of two from a polynomial in 15 bits, eight at once. All is in whole numbers but one division a query, so every form gives the same bits.

use super::{QUERIES, halves, store_halves};
use crate::kernels::lanes::{F32x4, I16x8, I32x4, Whole};

/// Bits of a number of steps below a factor of two.
const STEP_BITS: u32 = 11;
/// 1 in 15 bits after the point, as far as 16 bits hold it.
const ONE: f32 = 32_767.0;
/// A query's weights sum to it at the end, unless they summed to less before.
const TOTAL: f32 = 131_072.0;

/// How a difference of scores becomes a number of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Steps {
    /// Bits to shift the difference right; left where it is negative.
    shift: i32,
}

impl Steps {
    /// So coarse that half a step still fits above the largest difference. A head that would need more has scores within a
    /// factor of two of each other, and has more bits than it needs.
    const MOST: i32 = 20;
    /// A difference of 1 is then more steps than 15 bits hold.
    const LEAST: i32 = -15;

    /// The least shift that asks for no more bits than queries have. `unit`: what a score of 1 stands for in log2, when
    /// queries fill their bits.
    pub(super) fn new(unit: f32) -> Self {
        const MANTISSA_BITS: u32 = 23;
        const BIAS: i32 = 127;
        let shift = (unit * (1 << STEP_BITS) as f32).recip();
        // The exponent is the whole part of the logarithm. Of infinity and NaN it is the largest, of 0 the least.
        let exponent = (shift.to_bits() >> MANTISSA_BITS & 0xff).cast_signed();
        Self { shift: (exponent - BIAS).clamp(Self::LEAST, Self::MOST) }
    }

    /// What a score of 1 has to stand for in log2.
    pub(super) fn unit(self) -> f32 {
        let power = |exponent: i32| f32::from_bits((127 + exponent).cast_unsigned() << 23);
        power(-self.shift) / (1 << STEP_BITS) as f32
    }
}

/// Fills `weights`, and returns the sums of each query's.
///
/// # Shapes
/// - scores: `[keys][8 queries]`
/// - largest: 8 queries
/// - weights: `[pairs of keys][8 queries]`, two numbers of 16 bits in each; 0 beyond the last key
#[inline(always)]
pub(super) fn weigh(
    scores: &[[i32; QUERIES]],
    largest: [I32x4; 2],
    steps: Steps,
    weights: &mut Vec<[i32; QUERIES]>,
) -> [F32x4; 2] {
    let shift = steps.shift.max(0).cast_unsigned();
    let doublings = (-steps.shift).max(0);
    let half_a_step = I32x4::splat((1 << shift) >> 1);
    let from = largest.map(|largest| largest + half_a_step);
    let powers = |scores: &[i32; QUERIES]| {
        let (low, high) = halves(scores);
        let [low, high] = [from[0] - low, from[1] - high].map(|lower| lower.shifted_right(shift));
        let mut steps = I16x8::narrowed(low, high);
        for _ in 0..doublings {
            steps = steps.doubled();
        }
        power(steps)
    };

    let (pairs, last) = scores.as_chunks::<2>();
    weights.resize(pairs.len() + last.len(), [0; QUERIES]);
    let mut totals = Totals::default();
    let mut filled = weights.iter_mut();
    for ([even, odd], to) in pairs.iter().zip(&mut filled) {
        totals.store(powers(even).interleaved(powers(odd)), to);
    }
    for (even, to) in last.iter().zip(&mut filled) {
        totals.store(powers(even).interleaved(I16x8::splat(0)), to);
    }

    let parts = totals.sums().map(|sum| {
        let part = (F32x4::splat(TOTAL * (ONE + 1.0)) / sum).min(F32x4::splat(ONE)).round();
        Whole::pairs(part, part).halved()
    });
    let mut totals = Totals::default();
    for to in weights {
        let (low, high) = halves(to);
        totals.store([low.halved().fraction(parts[0]).paired(), high.halved().fraction(parts[1]).paired()], to);
    }
    totals.sums()
}

/// Sums of eight queries' weights.
struct Totals([I32x4; 2]);

impl Default for Totals {
    fn default() -> Self {
        Self([I32x4::splat(0); 2])
    }
}

impl Totals {
    #[inline(always)]
    fn store(&mut self, [low, high]: [I32x4; 2], to: &mut [i32; QUERIES]) {
        const BOTH: i32 = 0x1_0001;
        self.0 = [self.0[0] + low.dot(I32x4::splat(BOTH)), self.0[1] + high.dot(I32x4::splat(BOTH))];
        store_halves(low, high, to);
    }

    fn sums(self) -> [F32x4; 2] {
        self.0.map(I32x4::to_floats)
    }
}

/// `.9994 * 2^(15 - steps / 2048)` for steps from 0 on, within 2e-4 of itself and half a unit. 0 at the largest number.
///
/// The factor keeps 2^15 within 16 bits and lets what is furthest off round to 0; a mean divides it out.
#[inline(always)]
fn power(steps: I16x8) -> I16x8 {
    // 2^-f for f in 0..1, fitted for the smallest largest error after all roundings. Negative, as is the power of the whole
    // part, because -2^15 has 16 bits and 2^15 has not.
    const HIGHEST: i16 = 1_275;
    const COEFFICIENTS: [i16; 3] = [-7_533, 22_632, -32_747];
    let rest = steps.low_bits_shifted(15 - STEP_BITS);
    let mut p = I16x8::splat(HIGHEST);
    for coefficient in COEFFICIENTS {
        p = p.fraction(rest) + I16x8::splat(coefficient);
    }
    p.fraction(steps.shifted_right(STEP_BITS).minus_power())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes(values: [i32; 8]) -> [I32x4; 2] {
        let (low, high) = halves(&values);
        [low, high]
    }

    /// The lower halves of the words of eight lanes.
    fn numbers(eight: I16x8) -> [i32; 8] {
        let mut words = [0; 8];
        let [low, high] = eight.interleaved(I16x8::splat(0));
        store_halves(low, high, &mut words);
        words
    }

    #[test]
    fn powers_are_right_for_every_number_of_steps() {
        let mut before = i32::MAX;
        for steps in 0..=i32::from(i16::MAX) {
            let [low, high] = lanes([steps; 8]);
            let ours = numbers(power(I16x8::narrowed(low, high)));
            let exact = 0.9994 * (15.0 - f64::from(steps) / 2048.0).exp2();
            assert!((f64::from(ours[0]) - exact).abs() < 2e-4 * exact + 0.51, "{steps}: {} is not {exact}", ours[0]);
            assert!(ours == [ours[0]; 8] && ours[0] <= before, "{steps}: {ours:?} after {before}");
            before = ours[0];
        }
        assert_eq!(before, 0);
    }

    #[test]
    fn a_unit_is_the_next_power_of_two_steps_and_its_shift_is_bounded() {
        for (unit, exact, shift) in [
            (1.0 / 2048.0, 1.0 / 2048.0, 0),
            (0.9 / 2048.0, 1.0 / 2048.0, 0),
            (0.4e-6, 1.0 / 2048.0 / 1024.0, 10),
            (0.5, 0.5, -10),
            (1e30, 16.0, -15),
            (f32::INFINITY, 16.0, -15),
            (1e-30, 1.0 / 2048.0 / 1_048_576.0, 20),
            (0.0, 1.0 / 2048.0 / 1_048_576.0, 20),
            (f32::NAN, 1.0 / 2048.0 / 1_048_576.0, 20),
        ] {
            assert_eq!(Steps::new(unit), Steps { shift }, "{unit}");
            assert_eq!(Steps::new(unit).unit(), exact, "{unit}");
        }
    }

    #[test]
    fn weights_are_powers_of_two_whatever_a_score_stands_for() {
        for keys in [1, 2, 3, 8, 129] {
            for shift in [-15, -11, -3, 0, 1, 11, 20] {
                let steps = Steps { shift };
                // Up to 12 factors of two below the largest, as far as scores reach, in another order for each query.
                let spread = (12.0 / f64::from(steps.unit())).min(2_146_000_000.0);
                let scores: Vec<[i32; 8]> = (0..keys)
                    .map(|key| {
                        std::array::from_fn(|query| {
                            let place = (key * (2 * query + 1)) % keys;
                            -(spread * place as f64 / f64::from(keys as u16)) as i32
                        })
                    })
                    .collect();
                let mut weights = vec![[7; 8]; 3];
                let [low, high] = weigh(&scores, lanes([0; 8]), steps, &mut weights);
                let sums = [low.to_array(), high.to_array()];
                for query in 0..8 {
                    let exact: Vec<f64> =
                        scores.iter().map(|key| (f64::from(key[query]) * f64::from(steps.unit())).exp2()).collect();
                    let total: f64 = exact.iter().sum();
                    let ours = |key: usize| {
                        let word = weights[key / 2][query];
                        f64::from(if key.is_multiple_of(2) { word & 0xffff } else { word >> 16 })
                    };
                    let sum = f64::from(sums.as_flattened()[query]);
                    assert_eq!((0..2 * weights.len()).map(ours).sum::<f64>(), sum, "{keys} keys, shift {shift}");
                    for (key, exact) in exact.iter().enumerate() {
                        let (ours, exact) = (ours(key) / sum, exact / total);
                        assert!(
                            (ours - exact).abs() < 5e-4 * exact + 2e-5,
                            "shift {shift}, key {key} of {keys}, query {query}: {ours} is not {exact}"
                        );
                    }
                }
            }
        }
    }
}
