// y = LayerNorm(words[id] + segments[segment] + positions[position]), from int8 tables or, for words, 4-bit blocks. A
// workgroup is four tokens, see norm.wgsl.

// Whether words are blocks of 32 values in five words: scale and minimum as f16, then codes, value i in the low and
// value i + 16 in the high half of a byte.
const INT4: bool = {{ int4 }};

struct Shape {
    // Of a row, in units of four values.
    width: u32,
    epsilon: f32,
    tokens: u32,
    // Scales of the first two tables.
    words: u32,
    segments: u32,
    // The batch's first stamp, and where it goes.
    stamp: u32,
    y_stamp: u32,
}

// [rows, width]: four i8 a word. [rows, width / 8, 5] if they are blocks.
@group(0) @binding(0) var<storage, read> words: array<i32>;
@group(0) @binding(1) var<storage, read> segments: array<i32>;
@group(0) @binding(2) var<storage, read> positions: array<i32>;
// [rows of words unless they are blocks, of segments, of positions]
@group(0) @binding(3) var<storage, read> scales: array<f32>;
// [3, tokens]: ids, segments, positions.
@group(0) @binding(4) var<storage, read> indices: array<i32>;
// [width]
@group(0) @binding(5) var<storage, read> gamma: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> beta: array<vec4<f32>>;
// [tokens, width]
@group(0) @binding(7) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(8) var<uniform> shape: Shape;

fn unpack(word: i32) -> vec4<f32> {
    return vec4<f32>((vec4<i32>(word) << vec4<u32>(24u, 16u, 8u, 0u)) >> vec4<u32>(24u));
}

// Four values of a word's row: unit i of it.
fn word_values(id: u32, i: u32) -> vec4<f32> {
    if INT4 {
        let block = (id * (shape.width / 8u) + i / 8u) * 5u;
        let range = unpack2x16float(u32(words[block]));
        let codes = u32(words[block + 1u + i % 4u]) >> (i % 8u / 4u * 4u);
        return vec4<f32>((vec4<u32>(codes) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(15u)) * range.x + range.y;
    }
    return unpack(words[id * shape.width + i]) * scales[id];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let token = group.x * ROWS + thread / LANES;
    let start = token * shape.width;
    var end = start;
    var sum = 0.0;
    if token < shape.tokens {
        end += shape.width;
        let id = u32(indices[token]);
        let segment = u32(indices[shape.tokens + token]);
        let position = u32(indices[2u * shape.tokens + token]);
        let segment_scale = scales[shape.words + segment];
        let position_scale = scales[shape.words + shape.segments + position];
        for (var i = thread % LANES; i < shape.width; i += LANES) {
            let value = word_values(id, i)
                + unpack(segments[segment * shape.width + i]) * segment_scale
                + unpack(positions[position * shape.width + i]) * position_scale;
            y[start + i] = value;
            sum += dot(value, vec4<f32>(1.0));
        }
    }
    norm_row(start, end, sum, thread);
    if group.x + thread == 0u {
        y[shape.y_stamp] = vec4<f32>(f32(shape.stamp));
    }
}
