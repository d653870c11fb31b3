use millstream::prelude::*;

#[operator(keyed)]
fn count(value: i64, #[window_state] total: &mut Value<i64>) -> i64 {
    *total.get_or_default() += value;
    value
}

fn main() {}
