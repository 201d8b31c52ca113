
// What follows `stamp`, see stamp.rs.
fn next_stamp(stamp: f32) -> f32 {
    return joined_stamps(stamp, 0.0);
}

fn joined_stamps(first: f32, second: f32) -> f32 {
    return f32((u32(first) * 30011u + u32(second) * 20011u + 1u) % 65521u);
}
