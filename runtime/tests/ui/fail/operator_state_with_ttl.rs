use millstream::prelude::*;

#[operator]
fn fresh(value: i64, #[state(ttl = "1 day")] seen: &mut ListState<i64>) -> i64 {
    seen.push(value);
    value
}

fn main() {}
