use millstream::prelude::*;

#[operator]
fn two() -> i64 {
    2
}

fn main() {}
