// y = LayerNorm(x + residual). A workgroup is a row.

const THREADS: u32 = 64u;

struct Shape {
    // Of a row, in units of four values.
    width: u32,
    epsilon: f32,
    // Where the stamps are.
    x_stamp: u32,
    y_stamp: u32,
}

// [rows, width]
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> residual: array<vec4<f32>>;
// [width]
@group(0) @binding(2) var<storage, read> gamma: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> beta: array<vec4<f32>>;
// [rows, width]
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> shape: Shape;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let start = group.x * shape.width;
    var sum = 0.0;
    for (var i = thread; i < shape.width; i += THREADS) {
        let value = x[start + i] + residual[start + i];
        y[start + i] = value;
        sum += dot(value, vec4<f32>(1.0));
    }
    norm_row(group.x, sum, thread);
    if group.x + thread == 0u {
        y[shape.y_stamp] = vec4<f32>(next_stamp(x[shape.x_stamp].x));
    }
}
