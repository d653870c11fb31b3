use millstream::prelude::*;

#[operator(key = value, window = tumbling("1 min"), evictor = last(3))]
fn all(values: Vec<i64>) -> Vec<i64> {
    values
}

fn main() {}
