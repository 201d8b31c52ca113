// y = x W + b, then GELU if asked for. int8 weights, f32 sums.
//
// A workgroup of 64 computes a tile of 32 rows by 64 output channels, a thread 4 rows by 8 channels: 32 sums a thread, and
// three vec4 loads from workgroup memory for 32 products and sums.

const ROWS: u32 = 32u;
const CHANNELS: u32 = 64u;
// Words of four inputs that are in workgroup memory at a time.
const WORDS: u32 = 8u;
const ROW_GROUPS: u32 = ROWS / 4u;
const CHANNEL_GROUPS: u32 = CHANNELS / 4u;

struct Shape {
    rows: u32,
    // In units of four values: a row of x, a row of y, the padded inputs of a channel.
    input: u32,
    output: u32,
    words: u32,
    gelu: u32,
    // Where the stamps are.
    x_stamp: u32,
    y_stamp: u32,
}

// [rows, input]
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
// [panels of 8 channels, words, 2]: the words of four channels. A word is four inputs of a channel, in i8.
@group(0) @binding(1) var<storage, read> weights: array<vec4<i32>>;
// [panels, 2]
@group(0) @binding(2) var<storage, read> scales: array<vec4<f32>>;
// [panels, 2]
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
// [rows, output]
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> shape: Shape;

// Four rows' values of an input: [inputs, row groups].
var<workgroup> x_tile: array<vec4<f32>, WORDS * 4u * ROW_GROUPS>;
// Four channels' weights of an input: [inputs, channel groups].
var<workgroup> weight_tile: array<vec4<f32>, WORDS * 4u * CHANNEL_GROUPS>;

fn load_x(row: u32, word: u32) -> vec4<f32> {
    if row < shape.rows && word < shape.input {
        return x[row * shape.input + word];
    }
    return vec4<f32>();
}

fn load_weights(group: u32, word: u32) -> vec4<i32> {
    let index = (group / 2u * shape.words + word) * 2u + group % 2u;
    if word < shape.words && group < shape.output {
        return weights[index];
    }
    return vec4<i32>();
}

// erf by Abramowitz and Stegun 7.1.26, within 2e-7.
fn gelu(v: vec4<f32>) -> vec4<f32> {
    let z = abs(v) * 0.70710678;
    let t = 1.0 / (1.0 + 0.3275911 * z);
    let p = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
    let half_erfc = 0.5 * p * exp(-z * z);
    return v * select(1.0 - half_erfc, half_erfc, v < vec4<f32>());
}

fn finish(sums: vec4<f32>, row: u32, group: u32) {
    if row < shape.rows && group < shape.output {
        var result = sums * scales[group] + bias[group];
        if shape.gelu != 0u {
            result = gelu(result);
        }
        y[row * shape.output + group] = result;
    }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first_row = tile.y * ROWS;
    let first_group = tile.x * CHANNEL_GROUPS;
    // This thread's four rows, and its channels: four of each half of the tile.
    let row_group = thread / 8u;
    let channel_group = thread % 8u;
    let row = first_row + row_group * 4u;
    let in_range = row < shape.rows;
    // What it loads: four rows of a word of x, and four channels of two words of weights.
    let x_word = thread % WORDS;
    let x_row = thread / WORDS;
    let weight_group = thread % CHANNEL_GROUPS;
    let weight_word = thread / CHANNEL_GROUPS;

    var low_0 = vec4<f32>();
    var low_1 = vec4<f32>();
    var low_2 = vec4<f32>();
    var low_3 = vec4<f32>();
    var high_0 = vec4<f32>();
    var high_1 = vec4<f32>();
    var high_2 = vec4<f32>();
    var high_3 = vec4<f32>();

    for (var start = 0u; start < shape.words; start += WORDS) {
        let x_first = first_row + x_row * 4u;
        let columns = transpose(mat4x4<f32>(
            load_x(x_first, start + x_word),
            load_x(x_first + 1u, start + x_word),
            load_x(x_first + 2u, start + x_word),
            load_x(x_first + 3u, start + x_word),
        ));
        let x_to = x_word * 4u * ROW_GROUPS + x_row;
        x_tile[x_to] = columns[0];
        x_tile[x_to + ROW_GROUPS] = columns[1];
        x_tile[x_to + 2u * ROW_GROUPS] = columns[2];
        x_tile[x_to + 3u * ROW_GROUPS] = columns[3];
        for (var word = weight_word; word < WORDS; word += 4u) {
            let bytes = load_weights(first_group + weight_group, start + word);
            let to = word * 4u * CHANNEL_GROUPS + weight_group;
            weight_tile[to] = vec4<f32>((bytes << vec4<u32>(24u)) >> vec4<u32>(24u));
            weight_tile[to + CHANNEL_GROUPS] = vec4<f32>((bytes << vec4<u32>(16u)) >> vec4<u32>(24u));
            weight_tile[to + 2u * CHANNEL_GROUPS] = vec4<f32>((bytes << vec4<u32>(8u)) >> vec4<u32>(24u));
            weight_tile[to + 3u * CHANNEL_GROUPS] = vec4<f32>(bytes >> vec4<u32>(24u));
        }
        workgroupBarrier();
        if in_range {
            for (var input = 0u; input < WORDS * 4u; input++) {
                let values = x_tile[input * ROW_GROUPS + row_group];
                let low = weight_tile[input * CHANNEL_GROUPS + channel_group];
                let high = weight_tile[input * CHANNEL_GROUPS + 8u + channel_group];
                low_0 += values.x * low;
                low_1 += values.y * low;
                low_2 += values.z * low;
                low_3 += values.w * low;
                high_0 += values.x * high;
                high_1 += values.y * high;
                high_2 += values.z * high;
                high_3 += values.w * high;
            }
        }
        workgroupBarrier();
    }

    let group = first_group + channel_group;
    finish(low_0, row, group);
    finish(low_1, row + 1u, group);
    finish(low_2, row + 2u, group);
    finish(low_3, row + 3u, group);
    finish(high_0, row, group + 8u);
    finish(high_1, row + 1u, group + 8u);
    finish(high_2, row + 2u, group + 8u);
    finish(high_3, row + 3u, group + 8u);
    if tile.x + tile.y + thread == 0u {
        y[shape.y_stamp] = vec4<f32>(next_stamp(x[shape.x_stamp].x));
    }
}
