use millstream::join::Offset::After;
use millstream::prelude::*;

#[operator(join)]
fn paid(order: &u64, payment: &u32) -> u64 {
    order + u64::from(*payment)
}

fn job(orders: KeyedStream<u8, u64>, payments: KeyedStream<u8, u64>) {
    orders.interval_join(payments).between(After(Duration::ZERO), After(Duration::ZERO)).apply_operator(paid());
}

fn main() {}
