use millstream::prelude::*;

#[operator(filter)]
fn positive(value: i64) -> bool {
    value > 0
}

fn main() {}
