
var<workgroup> sums_of_threads: array<f32, THREADS>;

// The sum of all threads' values, in every thread. Every thread of the workgroup calls it.
fn sum_of_all(value: f32, thread: u32) -> f32 {
    sums_of_threads[thread] = value;
    workgroupBarrier();
    for (var distance = THREADS / 2u; distance > 0u; distance /= 2u) {
        if thread < distance {
            sums_of_threads[thread] += sums_of_threads[thread + distance];
        }
        workgroupBarrier();
    }
    let sum = sums_of_threads[0];
    workgroupBarrier();
    return sum;
}
