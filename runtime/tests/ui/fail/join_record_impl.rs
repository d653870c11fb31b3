use millstream::prelude::*;

#[operator(join)]
fn paid(order: &impl ToString, payment: &u64) -> String {
    order.to_string() + &payment.to_string()
}

fn main() {}
