use millstream::prelude::*;

#[operator(join)]
fn paid(order: &u64, payment: &u64, ctx: millstream::join::JoinContext<'_>) -> bool {
    order == payment && ctx.left_timestamp() < ctx.right_timestamp()
}

fn main() {}
