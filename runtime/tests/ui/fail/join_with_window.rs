use millstream::prelude::*;

#[operator(join, window = tumbling("1 min"))]
fn paid(order: &u64, payment: &u64) -> u64 {
    order + payment
}

fn main() {}
