use millstream::prelude::*;

#[operator(key = value, window_all = tumbling("1 min"), reduce)]
fn highest(a: i64, b: i64) -> i64 {
    a.max(b)
}

fn main() {}
