
// LayerNorm of the row in `y`, which holds this thread's values already; `sum` is the sum of those. Mean first, then the
// variance of what is left: no cancellation.
fn norm_row(row: u32, sum: f32, thread: u32) {
    let start = row * shape.width;
    let values = f32(shape.width * 4u);
    let mean = sum_of_all(sum, thread) / values;
    var squares = 0.0;
    for (var i = thread; i < shape.width; i += THREADS) {
        let centred = y[start + i] - vec4<f32>(mean);
        squares += dot(centred, centred);
    }
    let variance = sum_of_all(squares, thread) / values;
    let factor = 1.0 / sqrt(variance + shape.epsilon);
    for (var i = thread; i < shape.width; i += THREADS) {
        y[start + i] = (y[start + i] - vec4<f32>(mean)) * factor * gamma[i] + beta[i];
    }
}
