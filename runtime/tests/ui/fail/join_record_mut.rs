use millstream::prelude::*;

#[operator(join)]
fn paid(order: &mut u64, payment: &u64) -> u64 {
    *order + payment
}

fn main() {}
