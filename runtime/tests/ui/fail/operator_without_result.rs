use millstream::prelude::*;

#[operator]
fn swallow(value: i64) {
    drop(value);
}

fn main() {}
