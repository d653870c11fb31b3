use millstream::prelude::*;

#[operator]
fn number(value: i64, #[param] next: &mut i64) -> (i64, i64) {
    *next += 1;
    (*next, value)
}

fn main() {}
