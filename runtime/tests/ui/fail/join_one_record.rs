use millstream::prelude::*;

#[operator(join)]
fn paid(order: &u64) -> u64 {
    *order
}

fn main() {}
