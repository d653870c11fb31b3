use millstream::prelude::*;

#[operator(cep)]
fn first(found: i64) -> i64 {
    found
}

fn main() {}
