use millstream::prelude::*;

#[operator(key = value, window = tumbling("1 min"))]
fn summary(values: Vec<i64>, limit: usize) -> Vec<i64> {
    values.into_iter().take(limit).collect()
}

fn main() {}
