use millstream::prelude::*;

#[operator(on_error = skip)]
fn double(value: i64) -> i64 {
    value * 2
}

fn main() {}
