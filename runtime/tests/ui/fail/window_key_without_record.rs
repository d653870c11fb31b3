use millstream::prelude::*;

#[operator(key = 7, window = tumbling("1 min"), reduce)]
fn highest(a: i64, b: i64) -> i64 {
    a.max(b)
}

fn main() {}
