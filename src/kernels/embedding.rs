//! Word, position and segment embeddings from quantised tables, summed.

use crate::weights::{BLOCK_BYTES, GROUP, values_of};

/// A table of rows of `width` values.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Table<'a> {
    /// values: `[rows, width]`, scales: `[rows]`
    Int8 { values: &'a [i8], scales: &'a [f32] },
    /// `[rows, width / 32, 20]`, as in `weights::Int4Rows`
    Int4 { blocks: &'a [u8] },
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
            table.add(usize::try_from(*index).unwrap_or(usize::MAX), out);
        }
    }
}

impl Table<'_> {
    fn add(self, row: usize, out: &mut [f32]) {
        match self {
            Self::Int8 { values, scales } => {
                let Some(scale) = scales.get(row) else { return };
                let values = values.get(row * out.len()..).unwrap_or_default();
                out.iter_mut().zip(values).for_each(|(sum, value)| *sum += f32::from(*value) * scale);
            }
            Self::Int4 { blocks } => {
                let groups = out.len() / GROUP;
                let row = blocks.as_chunks::<BLOCK_BYTES>().0.chunks_exact(groups).nth(row).unwrap_or_default();
                for (block, out) in row.iter().zip(out.chunks_exact_mut(GROUP)) {
                    out.iter_mut().zip(values_of(block)).for_each(|(sum, value)| *sum += value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::test_data::noise;
    use crate::weights::Int4Rows;

    #[test]
    fn rows_are_scaled_and_summed() {
        let words = Table::Int8 { values: &[1, 2, 3, 4], scales: &[1.0, 10.0] };
        let segments = Table::Int8 { values: &[-1, -2], scales: &[0.5] };
        let positions = Table::Int8 { values: &[100, 0, 0, 100], scales: &[1.0, 2.0] };
        let mut out = [f32::NAN; 4];
        embed([words, segments, positions], [&[1, 0], &[0, 0], &[0, 1]], 2, &mut out);
        assert_eq!(out, [30.0 - 0.5 + 100.0, 40.0 - 1.0, 1.0 - 0.5, 2.0 - 1.0 + 200.0]);
    }

    #[test]
    fn rows_of_blocks_are_found_and_ones_beyond_the_table_add_nothing() {
        let width = 64;
        let table = Int4Rows::quantize(&noise(3 * width, 1), width);
        let (words, values) = (Table::Int4 { blocks: &table.blocks }, table.dequantize());
        let (ones, one) = (vec![1_i8; width], [1.0]);
        let others = Table::Int8 { values: &ones, scales: &one };
        let mut out = vec![f32::NAN; 4 * width];
        embed([words, others, others], [&[2, 0, 3, -1], &[0; 4], &[0; 4]], width, &mut out);
        let expected = |row: Option<usize>| {
            (0..width).map(|i| row.map_or(0.0, |row| values[row * width + i]) + 1.0 + 1.0).collect::<Vec<_>>()
        };
        assert_eq!(out, [Some(2), Some(0), None, None].map(expected).concat());
    }
}
