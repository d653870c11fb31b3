use millstream::prelude::*;

#[operator(key = value, window = tumbling("1 min"), reduce)]
fn highest(a: i64, b: i64) -> Option<i64> {
    Some(a.max(b))
}

fn main() {}
