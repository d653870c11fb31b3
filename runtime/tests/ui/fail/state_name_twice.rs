use millstream::prelude::*;

#[operator]
fn range(value: i64, #[state] low: &mut Value<i64>, #[state(name = "low")] high: &mut Value<i64>) -> i64 {
    low.set(value.min(low.get().copied().unwrap_or(value)));
    high.set(value.max(high.get().copied().unwrap_or(value)));
    value
}

fn main() {}
