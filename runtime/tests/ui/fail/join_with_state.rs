use millstream::prelude::*;

#[operator(join)]
fn paid(order: &u64, payment: &u64, #[state] sum: &mut Value<u64>) -> u64 {
    *sum.get_or_default() += order + payment;
    *sum.get_or_default()
}

fn main() {}
