use super::*;
use crate::kernels::reference;
use crate::kernels::test_data::noise;

fn assert_close(ours: &[f32], exact: &[f32], tolerance: f32) {
    assert_eq!(ours.len(), exact.len());
    for (index, (ours, exact)) in ours.iter().zip(exact).enumerate() {
        assert!((ours - exact).abs() < tolerance, "{index}: {ours} is not {exact}");
    }
}

#[test]
fn every_length_and_head_size_equals_the_definition() {
    for (heads, size) in [(1, 1), (2, 3), (4, 8), (3, 32), (2, 64)] {
        let hidden = heads * size;
        for length in (1..=64).chain([127, 130]) {
            let qkv = noise(length * 3 * hidden, 7);
            let offsets = [0, length as i32];
            let inputs = AttentionInputs {
                queries: &qkv,
                query_width: 3 * hidden,
                keys_values: &qkv,
                key_value_width: 3 * hidden,
                offsets: &offsets,
                hidden,
                heads,
            };
            let mut out = vec![f32::NAN; length * hidden];
            attention(inputs, &mut out);
            assert_close(&out, &reference::attention(inputs), 2e-4);
        }
    }
}

#[test]
fn a_sequence_is_the_same_in_company_bit_for_bit() {
    let (hidden, heads) = (16, 2);
    let qkv = noise(40 * 3 * hidden, 3);
    let run = |qkv: &[f32], offsets: &[i32]| {
        let width = 3 * hidden;
        let mut out = vec![0.0; qkv.len() / 3];
        attention(
            AttentionInputs {
                queries: qkv,
                query_width: width,
                keys_values: qkv,
                key_value_width: width,
                offsets,
                hidden,
                heads,
            },
            &mut out,
        );
        out
    };
    let together = run(&qkv, &[0, 5, 18, 40]);
    let alone = run(&qkv[5 * 3 * hidden..18 * 3 * hidden], &[0, 13]);
    assert_eq!(together[5 * hidden..18 * hidden], alone);
}

#[test]
fn first_tokens_alone_give_the_same_rows() {
    let (hidden, heads) = (24, 3);
    let qkv = noise(30 * 3 * hidden, 9);
    let offsets = [0, 7, 8, 30];
    let width = 3 * hidden;
    let all = AttentionInputs {
        queries: &qkv,
        query_width: width,
        keys_values: &qkv,
        key_value_width: width,
        offsets: &offsets,
        hidden,
        heads,
    };
    let mut everything = vec![0.0; 30 * hidden];
    attention(all, &mut everything);
    let queries: Vec<f32> = [0, 7, 8].iter().flat_map(|t| qkv[t * width..t * width + hidden].to_vec()).collect();
    let keys_values: Vec<f32> = qkv.chunks(width).flat_map(|row| row[hidden..].to_vec()).collect();
    let mut firsts = vec![0.0; 3 * hidden];
    let split = AttentionInputs {
        queries: &queries,
        query_width: hidden,
        keys_values: &keys_values,
        key_value_width: 2 * hidden,
        ..all
    };
    attention(split, &mut firsts);
    for (row, token) in [0, 7, 8].into_iter().enumerate() {
        let same = &everything[token * hidden..(token + 1) * hidden];
        assert_close(&firsts[row * hidden..(row + 1) * hidden], same, 2e-4);
    }
}

#[test]
fn large_scores_do_not_overflow() {
    let hidden = 8;
    let qkv: Vec<f32> = noise(9 * 3 * hidden, 1).iter().map(|v| v * 300.0).collect();
    let inputs = AttentionInputs {
        queries: &qkv,
        query_width: 24,
        keys_values: &qkv,
        key_value_width: 24,
        offsets: &[0, 9],
        hidden,
        heads: 1,
    };
    let mut out = vec![0.0; 9 * hidden];
    attention(inputs, &mut out);
    assert!(out.iter().all(|value| value.is_finite()));
}

#[test]
fn scores_count_as_they_are_where_a_unit_of_them_is_many_steps() {
    // Numbers of 16 bits that stand for .83 each, in queries and keys: one key's difference to the other is almost a factor of
    // two for the second query, and beyond all bounds for the first.
    let unit = (0.99 * std::f32::consts::LN_2).sqrt();
    let largest = largest_factor(1) * unit;
    let (queries, keys, values) = ([largest, unit], [largest, largest - unit], [0.0, 3.0]);
    let keys_values: Vec<f32> = keys.iter().zip(values).flat_map(|(key, value)| [*key, value]).collect();
    let inputs = AttentionInputs {
        queries: &queries,
        query_width: 1,
        keys_values: &keys_values,
        key_value_width: 2,
        offsets: &[0, 2],
        hidden: 1,
        heads: 1,
    };
    let mut out = [f32::NAN; 2];
    attention(inputs, &mut out);
    assert_close(&out, &reference::attention(inputs), 0.01);
}

#[test]
fn keys_beyond_the_last_do_not_count_when_all_scores_are_low() {
    // One head of size 1: scores -300, -301, -302, far below the 0 of the padding in a tile of four keys.
    let (query, keys, values) = (-10.0, [30.0, 30.1, 30.2], [1.0, 10.0, 100.0]);
    let keys_values: Vec<f32> = keys.iter().zip(values).flat_map(|(key, value)| [*key, value]).collect();
    let inputs = AttentionInputs {
        queries: &[query],
        query_width: 1,
        keys_values: &keys_values,
        key_value_width: 2,
        offsets: &[0, 3],
        hidden: 1,
        heads: 1,
    };
    let mut out = [0.0];
    attention(inputs, &mut out);
    let weights = keys.map(|key| (f64::from(query) * (f64::from(key) - 30.0)).exp());
    let mixed: f64 = weights.iter().zip(values).map(|(weight, value)| weight * f64::from(value)).sum();
    let exact = mixed / weights.iter().sum::<f64>();
    assert!((f64::from(out[0]) - exact).abs() < 1e-2, "{} is not {exact}", out[0]);
}

#[test]
fn what_is_not_finite_gives_nan_in_its_own_head_and_sequence_alone() {
    let (hidden, heads) = (16, 2);
    let width = 3 * hidden;
    // Token 4, in the second sequence, second head: 8 channels.
    for part in ["query", "key", "value"] {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut qkv = noise(12 * width, 5);
            let column = ["query", "key", "value"].iter().position(|name| *name == part).unwrap() * hidden;
            qkv[4 * width + column + 13] = bad;
            let inputs = AttentionInputs {
                queries: &qkv,
                query_width: width,
                keys_values: &qkv,
                key_value_width: width,
                offsets: &[0, 3, 12],
                hidden,
                heads,
            };
            let mut out = vec![0.0; 12 * hidden];
            attention(inputs, &mut out);
            for (token, row) in out.chunks(hidden).enumerate() {
                for (channel, value) in row.iter().enumerate() {
                    let poisoned = (3..12).contains(&token) && channel >= 8;
                    assert_eq!(value.is_nan(), poisoned, "{bad} in a {part}: token {token}, channel {channel}");
                }
            }
        }
    }
}

#[test]
fn small_weights_are_not_lost_beside_a_large_one() {
    // The first key takes nine tenths of the weight, the others share the rest: each has 2e-4 of it.
    let (tokens, hidden) = (501, 8);
    let mut qkv = vec![0.0; tokens * 3 * hidden];
    for (token, row) in qkv.chunks_mut(3 * hidden).enumerate() {
        row[0] = 1.0;
        row[hidden] = if token == 0 { 4500_f32.ln() * (hidden as f32).sqrt() } else { 0.0 };
        row[2 * hidden..].fill(if token == 0 { 0.0 } else { 1.0 });
    }
    let inputs = AttentionInputs {
        queries: &qkv,
        query_width: 3 * hidden,
        keys_values: &qkv,
        key_value_width: 3 * hidden,
        offsets: &[0, tokens as i32],
        hidden,
        heads: 1,
    };
    let mut out = vec![0.0; tokens * hidden];
    attention(inputs, &mut out);
    assert_close(&out, &vec![0.1; tokens * hidden], 0.005);
}
