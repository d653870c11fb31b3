use millstream::prelude::*;

#[operator(blocking)]
fn sum(value: i64, #[state] total: &mut Value<i64>) -> i64 {
    *total.get_or_default() += value;
    *total.get_or_default()
}

fn main() {}
