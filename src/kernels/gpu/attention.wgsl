// softmax(q k' / sqrt(head)) v for every sequence and head. f32 throughout, softmax in one pass over the keys.
//
// A workgroup is 64 queries of one sequence and head, a thread one query; keys and values pass through workgroup memory.

// Of the model: a head's values in units of four, and the keys of a tile, a multiple of four.
const HEAD: u32 = {{ head }}u;
const KEYS: u32 = {{ keys }}u;
const THREADS: u32 = 64u;
const LOWEST: f32 = -3.4028234e38;

struct Shape {
    // In units of four values: rows of queries, of keys with values, and all heads.
    query_width: u32,
    key_value_width: u32,
    hidden: u32,
    // 1: only the first token of each sequence asks, and `queries` has a row a sequence.
    first_only: u32,
    scale: f32,
    // Where the stamps are.
    queries_stamp: u32,
    keys_values_stamp: u32,
    context_stamp: u32,
}

@group(0) @binding(0) var<storage, read> queries: array<vec4<f32>>;
// The last two `hidden` of a row are the key and the value.
@group(0) @binding(1) var<storage, read> keys_values: array<vec4<f32>>;
// [sequences + 1]
@group(0) @binding(2) var<storage, read> offsets: array<i32>;
// [rows of queries, hidden]
@group(0) @binding(3) var<storage, read_write> context: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> shape: Shape;

var<workgroup> key_tile: array<vec4<f32>, KEYS * HEAD>;
var<workgroup> value_tile: array<vec4<f32>, KEYS * HEAD>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let sequence = group.z;
    let first = u32(offsets[sequence]);
    let end = u32(offsets[sequence + 1u]);
    let asking = select(end - first, 1u, shape.first_only != 0u);
    if group.x * THREADS >= asking {
        return;
    }
    let query_index = group.x * THREADS + thread;
    let asks = query_index < asking;
    let row = select(first + query_index, sequence, shape.first_only != 0u);
    let channel = group.y * HEAD;

    var query: array<vec4<f32>, HEAD>;
    var sums: array<vec4<f32>, HEAD>;
    if asks {
        for (var i = 0u; i < HEAD; i++) {
            query[i] = queries[row * shape.query_width + channel + i] * shape.scale;
        }
    }
    var largest = LOWEST;
    var total = 0.0;
    let key_at = shape.key_value_width - 2u * shape.hidden + channel;

    for (var start = first; start < end; start += KEYS) {
        for (var i = thread; i < KEYS * HEAD; i += THREADS) {
            let token = start + i / HEAD;
            var key = vec4<f32>();
            var value = vec4<f32>();
            if token < end {
                let at = token * shape.key_value_width + key_at + i % HEAD;
                key = keys_values[at];
                value = keys_values[at + shape.hidden];
            }
            key_tile[i] = key;
            value_tile[i] = value;
        }
        workgroupBarrier();
        if asks {
            let count = min(KEYS, end - start);
            for (var k = 0u; k < count; k += 4u) {
                var scores = vec4<f32>();
                for (var i = 0u; i < HEAD; i++) {
                    let q = query[i];
                    scores += vec4<f32>(
                        dot(q, key_tile[k * HEAD + i]),
                        dot(q, key_tile[(k + 1u) * HEAD + i]),
                        dot(q, key_tile[(k + 2u) * HEAD + i]),
                        dot(q, key_tile[(k + 3u) * HEAD + i]),
                    );
                }
                // Keys beyond the last get no weight.
                scores = select(vec4<f32>(LOWEST), scores, vec4<u32>(k, k + 1u, k + 2u, k + 3u) < vec4<u32>(count));
                let pairs = max(scores.xy, scores.zw);
                let highest = max(largest, max(pairs.x, pairs.y));
                let shrink = exp(largest - highest);
                let weights = exp(scores - vec4<f32>(highest));
                largest = highest;
                total = total * shrink + dot(weights, vec4<f32>(1.0));
                for (var i = 0u; i < HEAD; i++) {
                    sums[i] = sums[i] * shrink
                        + weights.x * value_tile[k * HEAD + i]
                        + weights.y * value_tile[(k + 1u) * HEAD + i]
                        + weights.z * value_tile[(k + 2u) * HEAD + i]
                        + weights.w * value_tile[(k + 3u) * HEAD + i];
                }
            }
        }
        workgroupBarrier();
    }

    if group.x + group.y + group.z + thread == 0u {
        let first = queries[shape.queries_stamp].x;
        context[shape.context_stamp] = vec4<f32>(joined_stamps(first, keys_values[shape.keys_values_stamp].x));
    }
    if asks {
        for (var i = 0u; i < HEAD; i++) {
            context[row * shape.hidden + channel + i] = sums[i] / total;
        }
    }
}
