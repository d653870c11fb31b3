use millstream::prelude::*;

#[operator(blocking)]
fn fresh(value: i64, #[state] seen: &mut ListState<i64>) -> i64 {
    seen.push(value);
    value
}

fn main() {}
