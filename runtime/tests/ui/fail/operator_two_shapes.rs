use millstream::prelude::*;

#[operator(map, flat_map)]
fn double(value: i64) -> Vec<i64> {
    vec![value, value]
}

fn main() {}
