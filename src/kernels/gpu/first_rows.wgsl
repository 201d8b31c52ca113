// The row of each sequence's first token. A workgroup is a sequence.

const THREADS: u32 = 64u;

struct Shape {
    // Of a row, in units of four values.
    width: u32,
    // Where the stamps are.
    hidden_stamp: u32,
    y_stamp: u32,
}

// [tokens, width]
@group(0) @binding(0) var<storage, read> hidden: array<vec4<f32>>;
// [sequences + 1]
@group(0) @binding(1) var<storage, read> offsets: array<i32>;
// [sequences, width]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> shape: Shape;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let start = u32(offsets[group.x]) * shape.width;
    let to = group.x * shape.width;
    for (var i = thread; i < shape.width; i += THREADS) {
        y[to + i] = hidden[start + i];
    }
    if group.x + thread == 0u {
        y[shape.y_stamp] = vec4<f32>(next_stamp(hidden[shape.hidden_stamp].x));
    }
}
