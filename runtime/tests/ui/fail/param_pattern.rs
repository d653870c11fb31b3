use millstream::prelude::*;

#[operator]
fn between(value: i64, #[param] (low, high): (i64, i64)) -> Option<i64> {
    (low..high).contains(&value).then_some(value)
}

fn main() {}
