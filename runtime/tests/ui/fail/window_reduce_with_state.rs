use millstream::prelude::*;

#[operator(key = value, window = tumbling("1 min"), reduce)]
fn highest(a: i64, b: i64, #[state] calls: &mut Value<u64>) -> i64 {
    *calls.get_or_default() += 1;
    a.max(b)
}

fn main() {}
