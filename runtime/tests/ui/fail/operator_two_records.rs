use millstream::prelude::*;

#[operator]
fn above(value: i64, limit: i64) -> Option<i64> {
    (value > limit).then_some(value)
}

fn main() {}
