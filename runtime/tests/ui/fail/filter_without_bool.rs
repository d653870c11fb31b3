use millstream::prelude::*;

#[operator(filter)]
fn positive(value: &i64) -> i64 {
    value.abs()
}

fn main() {}
