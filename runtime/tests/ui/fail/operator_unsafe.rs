use millstream::prelude::*;

#[operator]
unsafe fn double(value: i64) -> i64 {
    value * 2
}

fn main() {}
