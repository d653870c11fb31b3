use millstream::prelude::*;

#[operator]
fn sum(value: i64, #[state] total: &mut i64) -> i64 {
    *total += value;
    *total
}

fn main() {}
