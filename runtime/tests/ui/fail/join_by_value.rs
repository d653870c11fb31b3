use millstream::prelude::*;

#[operator(join)]
fn paid(order: u64, payment: &u64) -> u64 {
    order + payment
}

fn main() {}
