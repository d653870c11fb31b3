use millstream::prelude::*;

#[operator(window_all = global(), trigger = timeout(count(3), 10), reduce)]
fn highest(a: i64, b: i64) -> i64 {
    a.max(b)
}

fn main() {}
