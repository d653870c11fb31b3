use millstream::prelude::*;

#[operator(key = value, window = tumbling("1 min"), reduce)]
async fn sum(value: i64, other: i64) -> i64 {
    value + other
}

fn main() {}
