// y = LayerNorm(x + residual). A workgroup is four rows, see norm.wgsl.

struct Shape {
    // Of a row, in units of four values.
    width: u32,
    epsilon: f32,
    rows: u32,
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
    let row = group.x * ROWS + thread / LANES;
    let start = row * shape.width;
    let end = start + select(0u, shape.width, row < shape.rows);
    var sum = 0.0;
    for (var i = start + thread % LANES; i < end; i += LANES) {
        let value = x[i] + residual[i];
        y[i] = value;
        sum += dot(value, vec4<f32>(1.0));
    }
    norm_row(start, end, sum, thread);
    if group.x + thread == 0u {
        y[shape.y_stamp] = vec4<f32>(next_stamp(x[shape.x_stamp].x));
    }
}
