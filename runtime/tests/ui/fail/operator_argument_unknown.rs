use millstream::prelude::*;

#[operator(colour = "red")]
fn double(value: i64) -> i64 {
    value * 2
}

fn main() {}
