//! How int8 weights lie in memory: panels of 8 output channels, and in a panel the steps of a dot product, each with some
//! inputs of every channel.

use crate::weights::Int8Rows;

/// Output channels of one panel of packed weights.
pub(crate) const PANEL: usize = 8;
/// Inputs are padded to a multiple of it, so that every form reads whole steps.
const INPUT_MULTIPLE: usize = 16;

/// Weights in one form's layout, and what the epilogue needs, all per output channel and padded to whole panels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Packed {
    /// `[panels, input / 4, 8]` words of four bytes, in the order of the processor (little-endian on all that are built for).
    pub words: Vec<i32>,
    /// Dequantisation of each channel.
    pub scales: Vec<f32>,
    /// Sum of each channel's weights, as integers: what a row's lowest activation is multiplied with.
    pub sums: Vec<f32>,
    /// Bias of each channel.
    pub bias: Vec<f32>,
}

/// The padded input width of a layer.
pub(crate) const fn padded_input(input: usize) -> usize {
    input.next_multiple_of(INPUT_MULTIPLE)
}

/// Packs int8 rows, one an output channel, with `step` inputs a step.
pub(super) fn pack_steps(rows: &Int8Rows, bias: &[f32], step: usize) -> Packed {
    let (input, output) = (rows.columns, rows.scales.len());
    let (steps, panels) = (padded_input(input) / step, output.div_ceil(PANEL));
    let mut words = vec![0_i32; panels * steps * PANEL * step / 4];
    let bytes: &mut [i8] = bytemuck::cast_slice_mut(&mut words);
    let mut sums = vec![0.0; panels * PANEL];
    for (channel, row) in rows.values.chunks_exact(input).enumerate() {
        let (panel, lane) = (channel / PANEL, channel % PANEL);
        for (index, group) in row.chunks(step).enumerate() {
            let start = ((panel * steps + index) * PANEL + lane) * step;
            for (to, from) in bytes.iter_mut().skip(start).zip(group) {
                *to = *from;
            }
        }
        if let Some(sum) = sums.get_mut(channel) {
            *sum = row.iter().map(|weight| i32::from(*weight)).sum::<i32>() as f32;
        }
    }
    let padded = |values: &[f32]| {
        let mut values = values.to_vec();
        values.resize(panels * PANEL, 0.0);
        values
    };
    Packed { words, scales: padded(&rows.scales), sums, bias: padded(bias) }
}
