use millstream::prelude::*;

#[operator(join)]
fn paid(order: &u64, payment: &u64) {
    assert_eq!(order, payment);
}

fn main() {}
