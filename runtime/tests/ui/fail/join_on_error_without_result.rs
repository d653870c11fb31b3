use millstream::prelude::*;

#[operator(join, on_error = skip)]
fn paid(order: &u64, payment: &u64) -> u64 {
    order + payment
}

fn main() {}
