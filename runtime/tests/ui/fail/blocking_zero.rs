use millstream::prelude::*;

#[operator(blocking = 0)]
fn look_up(value: i64) -> i64 {
    value
}

fn main() {}
