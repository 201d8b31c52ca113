// logit = tanh(x W + b) c + d. A workgroup is a sequence, a thread every 128th group of four channels of the pooler.

const THREADS: u32 = 128u;

struct Shape {
    // In units of four values.
    hidden: u32,
    // Where the stamps are.
    x_stamp: u32,
    logits_stamp: u32,
}

// [sequences, hidden]
@group(0) @binding(0) var<storage, read> x: array<f32>;
// [hidden, hidden]
@group(0) @binding(1) var<storage, read> pooler: array<vec4<f32>>;
// [hidden]
@group(0) @binding(2) var<storage, read> pooler_bias: array<vec4<f32>>;
// [hidden]
@group(0) @binding(3) var<storage, read> classifier: array<vec4<f32>>;
// [1]
@group(0) @binding(4) var<storage, read> classifier_bias: array<f32>;
// [sequences], and the stamp
@group(0) @binding(5) var<storage, read_write> logits: array<f32>;
@group(0) @binding(6) var<uniform> shape: Shape;

var<workgroup> sums_of_threads: array<f32, THREADS>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let inputs = shape.hidden * 4u;
    var sum = 0.0;
    for (var i = thread; i < shape.hidden; i += THREADS) {
        var pooled = pooler_bias[i];
        for (var input = 0u; input < inputs; input++) {
            pooled += x[group.x * inputs + input] * pooler[input * shape.hidden + i];
        }
        // Beyond 15 tanh is 1 in f32, and some implementations of it overflow. A NaN stays one.
        pooled = select(pooled, sign(pooled) * 15.0, abs(pooled) > vec4<f32>(15.0));
        sum += dot(tanh(pooled), classifier[i]);
    }
    sums_of_threads[thread] = sum;
    workgroupBarrier();
    if thread == 0u {
        var logit = classifier_bias[0];
        for (var i = 0u; i < THREADS; i++) {
            logit += sums_of_threads[i];
        }
        logits[group.x] = logit;
    }
    if group.x + thread == 0u {
        logits[shape.logits_stamp] = next_stamp(x[shape.x_stamp * 4u]);
    }
}
