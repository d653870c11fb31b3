use millstream::prelude::*;

#[operator(join)]
fn paid(order: &u64, payment: &u64, ctx: &mut KeyedContext<'_, u64>) -> u64 {
    order + payment + ctx.key()
}

fn main() {}
