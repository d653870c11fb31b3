use millstream::prelude::*;

#[operator]
fn text(value: i64) -> impl ToString {
    value
}

fn main() {}
