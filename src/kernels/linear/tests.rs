use super::*;
use crate::kernels::test_data::noise;

fn weights(packed: &Packed, input: usize, output: usize) -> Weights<'_> {
    Weights { words: &packed.words, scales: &packed.scales, sums: &packed.sums, bias: &packed.bias, input, output }
}

fn rows(output: usize, input: usize, seed: u64) -> Int8Rows {
    Int8Rows::quantize(&noise(output * input, seed), input)
}

/// The definition: each row of activations mapped from its range to 0..127, an exact sum, then the epilogue's operations in
/// their order.
fn reference(x: &[f32], rows: &Int8Rows, bias: &[f32], input: usize) -> Vec<f32> {
    let mut out = Vec::new();
    for x in x.chunks(input) {
        let (lowest, highest) = x.iter().fold((x[0], x[0]), |(low, high), value| (low.min(*value), high.max(*value)));
        let range = highest - lowest;
        let (scale, inverse) = (range / 127.0, if range > 0.0 { 127.0 / range } else { 0.0 });
        let quantized: Vec<i32> = x.iter().map(|value| ((value - lowest) * inverse).round_ties_even() as i32).collect();
        assert!(quantized.iter().all(|value| (0..=127).contains(value)));
        for ((weights, weight_scale), bias) in rows.values.chunks(input).zip(&rows.scales).zip(bias) {
            let sum: i32 = weights.iter().zip(&quantized).map(|(weight, value)| i32::from(*weight) * value).sum();
            let weight_sum: i32 = weights.iter().map(|weight| i32::from(*weight)).sum();
            out.push((sum as f32 * scale + lowest * weight_sum as f32) * weight_scale + bias);
        }
    }
    out
}

/// What quantising is for: the result is near the product of the floats.
#[test]
fn the_result_is_near_the_float_product() {
    let (input, output, count) = (384, 16, 8);
    let (weights_f32, bias, x) = (noise(output * input, 1), noise(output, 2), noise(count * input, 3));
    let rows = Int8Rows::quantize(&weights_f32, input);
    let packed = pack(&rows, &bias);
    let mut out = vec![0.0; count * output];
    linear(&x, weights(&packed, input, output), Epilogue::Bias, &mut out);
    for (row, x) in x.chunks(input).enumerate() {
        for (channel, weights) in weights_f32.chunks(input).enumerate() {
            let exact = x.iter().zip(weights).map(|(x, w)| f64::from(x * w)).sum::<f64>() + f64::from(bias[channel]);
            let ours = f64::from(out[row * output + channel]);
            // Steps of 2 / 127 and 1 / 127, 384 times, errors uniform: a standard deviation of about 0.07.
            assert!((ours - exact).abs() < 0.35, "{row} {channel}: {ours} is not {exact}");
        }
    }
}

#[test]
fn every_input_width_equals_the_definition_bit_for_bit() {
    for input in (1..=64).chain([127, 384]) {
        let (output, count) = (11, 6);
        let (rows, bias, x) = (rows(output, input, 1), noise(output, 2), noise(count * input, 3));
        let packed = pack(&rows, &bias);
        let mut out = vec![f32::NAN; count * output];
        linear(&x, weights(&packed, input, output), Epilogue::Bias, &mut out);
        assert_eq!(out, reference(&x, &rows, &bias, input), "input {input}");
    }
}

#[test]
fn every_output_width_and_row_count_equals_the_definition_bit_for_bit() {
    let input = 32;
    for output in 1..=20 {
        for count in [1, 2, 3, 4, 5, 7, 8, BLOCK_ROWS - 1, BLOCK_ROWS + 3] {
            let (rows, bias, x) = (rows(output, input, 4), noise(output, 5), noise(count * input, 6));
            let packed = pack(&rows, &bias);
            let mut out = vec![f32::NAN; count * output];
            linear(&x, weights(&packed, input, output), Epilogue::Bias, &mut out);
            assert_eq!(out, reference(&x, &rows, &bias, input), "{count} rows, output {output}");
        }
    }
}

#[test]
fn the_portable_form_equals_the_definition_bit_for_bit() {
    let (input, output, count) = (100, 19, 9);
    let (rows, bias, x) = (rows(output, input, 7), noise(output, 8), noise(count * input, 9));
    let packed = pack_for::<portable::Portable>(&rows, &bias);
    let mut out = vec![f32::NAN; count * output];
    run::<portable::Portable>(&x, weights(&packed, input, output), |value| value, &mut out);
    assert_eq!(out, reference(&x, &rows, &bias, input));
}

#[test]
fn the_largest_values_do_not_saturate() {
    // Products at their extreme, 127 * 127, both signs, in the widest layer of BERT-large.
    let input = 4096;
    for weight in [127, -127] {
        let rows = Int8Rows { values: vec![weight; input], scales: vec![1.0], columns: input };
        let packed = pack(&rows, &[0.0]);
        let mut x = vec![127.0; input];
        x[0] = 0.0;
        let mut out = [0.0];
        linear(&x, weights(&packed, input, 1), Epilogue::Bias, &mut out);
        assert_eq!(out[0], (i32::from(weight) * 127 * (input as i32 - 1)) as f32);
    }
}

#[test]
fn gelu_follows_the_bias() {
    let (input, output) = (16, 8);
    let (rows, bias, x) = (rows(output, input, 1), noise(output, 2), noise(input, 3));
    let packed = pack(&rows, &bias);
    let (mut plain, mut with_gelu) = (vec![0.0; output], vec![0.0; output]);
    linear(&x, weights(&packed, input, output), Epilogue::Bias, &mut plain);
    linear(&x, weights(&packed, input, output), Epilogue::Gelu, &mut with_gelu);
    for (plain, with_gelu) in plain.iter().zip(with_gelu) {
        assert_eq!(gelu(F32x4::splat(*plain)).to_array()[0], with_gelu);
    }
}

#[test]
fn a_row_with_a_nan_or_an_infinity_does_not_give_numbers() {
    let (input, output) = (20, 8);
    let packed = pack(&rows(output, input, 1), &noise(output, 2));
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for place in [0, 7, 19] {
            let mut x = noise(2 * input, 3);
            x[input + place] = bad;
            let mut out = vec![0.0; 2 * output];
            linear(&x, weights(&packed, input, output), Epilogue::Bias, &mut out);
            let (first, second) = out.split_at(output);
            assert!(first.iter().all(|value| value.is_finite()), "the other row is untouched");
            assert!(second.iter().all(|value| !value.is_finite()), "{bad} at {place}: {second:?}");
        }
    }
}

#[test]
fn a_row_of_one_value_is_exact() {
    let rows = rows(8, 16, 1);
    let packed = pack(&rows, &[0.25; 8]);
    for value in [0.0, 2.0, -3.0] {
        let mut out = vec![0.0; 8];
        linear(&[value; 16], weights(&packed, 16, 8), Epilogue::Bias, &mut out);
        for (out, (weights, scale)) in out.iter().zip(rows.values.chunks(16).zip(&rows.scales)) {
            let sum: i32 = weights.iter().map(|weight| i32::from(*weight)).sum();
            assert_eq!(*out, value * sum as f32 * scale + 0.25);
        }
    }
}
