use millstream::prelude::*;

#[operator]
fn fresh(value: i64, #[state(reduce = |a, b| a + b)] seen: &mut ListState<i64>) -> i64 {
    seen.push(value);
    value
}

fn main() {}
