
// Rows of a workgroup, and threads of a row.
const ROWS: u32 = 4u;
const LANES: u32 = 16u;

// Two values a thread: one of each sum of `norm_row`, so that the second needs no barrier before it.
var<workgroup> sums_of_lanes: array<f32, 2u * ROWS * LANES>;

// The sum of a row's lanes, in each of them. Every thread of the workgroup calls it, once for each `turn` of 0 and 1.
fn sum_of_row(value: f32, turn: u32, thread: u32) -> f32 {
    let first = turn * ROWS * LANES;
    sums_of_lanes[first + thread] = value;
    workgroupBarrier();
    let start = first + thread / LANES * LANES;
    var sum = 0.0;
    for (var lane = 0u; lane < LANES; lane++) {
        sum += sums_of_lanes[start + lane];
    }
    return sum;
}

// LayerNorm of the row in `y` from `start` on, which holds this lane's values already; `sum` is the sum of those. Mean
// first, then the variance of what is left: no cancellation. Every thread of the workgroup calls it; `end` is `start` where
// there is no row.
fn norm_row(start: u32, end: u32, sum: f32, thread: u32) {
    let values = f32(shape.width * 4u);
    let mean = sum_of_row(sum, 0u, thread) / values;
    let lane = thread % LANES;
    var squares = 0.0;
    for (var i = start + lane; i < end; i += LANES) {
        let centred = y[i] - vec4<f32>(mean);
        squares += dot(centred, centred);
    }
    let variance = sum_of_row(squares, 1u, thread) / values;
    let factor = 1.0 / sqrt(variance + shape.epsilon);
    for (var i = start + lane; i < end; i += LANES) {
        y[i] = (y[i] - vec4<f32>(mean)) * factor * gamma[i - start] + beta[i - start];
    }
}
