//! int8 rows: an embedding table per row, a linear weight per output channel.
//!
//! Symmetric: `scale = max|row| / 127`, `q = round(w / scale)`, halves away from zero. The only place that quantises
//! weights, so `crossrank quantize` and loading a float model give the same bytes.

const LARGEST: f32 = 127.0;

/// A matrix in i8, each row with its scale.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Int8Rows {
    /// `[rows, columns]`
    pub values: Vec<i8>,
    /// `[rows]`
    pub scales: Vec<f32>,
    /// Width of a row, at least 1.
    pub columns: usize,
}

impl Int8Rows {
    /// Quantises rows of `columns` values.
    #[must_use]
    pub fn quantize(values: &[f32], columns: usize) -> Self {
        let rows = values.chunks_exact(columns);
        let mut quantized =
            Self { values: Vec::with_capacity(values.len()), scales: Vec::with_capacity(rows.len()), columns };
        for row in rows {
            // A NaN must not become a number: it makes the scale, and so every product with the row, NaN.
            let largest = row.iter().fold(0.0_f32, |largest, value| {
                if value.is_nan() || largest.is_nan() { f32::NAN } else { largest.max(value.abs()) }
            });
            let scale = largest / LARGEST;
            quantized.values.extend(row.iter().map(|value| nearest(*value, scale)));
            quantized.scales.push(scale);
        }
        quantized
    }

    /// The values as floats.
    #[must_use]
    pub fn dequantize(&self) -> Vec<f32> {
        let rows = self.values.chunks_exact(self.columns).zip(&self.scales);
        rows.flat_map(|(row, scale)| row.iter().map(move |value| f32::from(*value) * scale)).collect()
    }
}

fn nearest(value: f32, scale: f32) -> i8 {
    // A row of zeros has scale 0; the cast saturates and turns NaN into 0.
    (value / scale).round().clamp(-LARGEST, LARGEST) as i8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_half_away_from_zero_and_saturates() {
        assert_eq!([0.5, -0.5, 1.49, 2.5, 127.0, -127.0].map(|v| nearest(v, 1.0)), [1, -1, 1, 3, 127, -127]);
        assert_eq!(nearest(1000.0, 1.0), 127);
        assert_eq!(nearest(0.0, 0.0), 0);
    }

    #[test]
    fn each_row_has_its_own_scale() {
        let rows = Int8Rows::quantize(&[1.0, -127.0, 0.0, 0.0, 0.5, 0.25], 2);
        assert_eq!(rows.values, [1, -127, 0, 0, 127, 64]);
        assert_eq!(rows.scales, [1.0, 0.0, 0.5 / 127.0]);
        assert_eq!(rows.dequantize()[..4], [1.0, -127.0, 0.0, 0.0]);
    }

    #[test]
    fn a_nan_makes_its_row_nan() {
        let rows = Int8Rows::quantize(&[1.0, f32::NAN, 1.0, 2.0], 2);
        assert!(rows.scales[0].is_nan() && rows.scales[1].is_finite());
    }
}
