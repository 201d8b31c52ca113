//! Word, position and segment embeddings from int8 tables, summed.

/// An int8 table: rows of `width` values, each row with its scale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table<'a> {
    /// `[rows, width]`
    pub values: &'a [i8],
    /// `[rows]`
    pub scales: &'a [f32],
}

/// `out[t] = tables[0][indices[0][t]] + tables[1][indices[1][t]] + ...`; the reference adds
/// words, segments, positions in this order.
///
/// # Shapes
/// - indices: `[tokens]` each; indices beyond a table add nothing
/// - out: `[tokens, width]`
pub(crate) fn embed(tables: [Table<'_>; 3], indices: [&[i32]; 3], width: usize, out: &mut [f32]) {
    out.fill(0.0);
    for (table, indices) in tables.into_iter().zip(indices) {
        for (index, out) in indices.iter().zip(out.chunks_exact_mut(width)) {
            let row = usize::try_from(*index).unwrap_or(usize::MAX);
            let Some(scale) = table.scales.get(row) else { continue };
            let values = table.values.get(row * width..).unwrap_or_default();
            out.iter_mut().zip(values).for_each(|(sum, value)| *sum += f32::from(*value) * scale);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_scaled_and_summed() {
        let words = Table { values: &[1, 2, 3, 4], scales: &[1.0, 10.0] };
        let segments = Table { values: &[-1, -2], scales: &[0.5] };
        let positions = Table { values: &[100, 0, 0, 100], scales: &[1.0, 2.0] };
        let mut out = [f32::NAN; 4];
        embed([words, segments, positions], [&[1, 0], &[0, 0], &[0, 1]], 2, &mut out);
        assert_eq!(out, [30.0 - 0.5 + 100.0, 40.0 - 1.0, 1.0 - 0.5, 2.0 - 1.0 + 200.0]);
    }
}
