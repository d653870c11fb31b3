use millstream::prelude::*;

#[operator]
async fn double(value: i64) -> i64 {
    value * 2
}

fn main() {}
