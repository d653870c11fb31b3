use millstream::prelude::*;

#[operator]
fn double(value: &mut i64) -> i64 {
    *value * 2
}

fn main() {}
