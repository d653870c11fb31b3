use millstream::prelude::*;

#[operator(key = value.0)]
fn double(value: (i64, i64)) -> i64 {
    value.0 * 2
}

fn main() {}
