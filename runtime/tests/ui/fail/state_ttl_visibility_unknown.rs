use millstream::prelude::*;

#[operator]
fn sum(value: i64, #[state(ttl = "1 day", ttl_visibility = always)] total: &mut Value<i64>) -> i64 {
    *total.get_or_default() += value;
    *total.get_or_default()
}

fn main() {}
