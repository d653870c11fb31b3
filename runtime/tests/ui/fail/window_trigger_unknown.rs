use millstream::prelude::*;

#[operator(key = value, window = global(), trigger = every(3), reduce)]
fn highest(a: i64, b: i64) -> i64 {
    a.max(b)
}

fn main() {}
