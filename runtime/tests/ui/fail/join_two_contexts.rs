use millstream::prelude::*;

#[operator(join)]
fn paid(order: &u64, payment: &u64, join: &mut millstream::join::JoinContext<'_>, ctx: &mut Context<'_>) -> bool {
    order == payment && join.left_timestamp() < join.right_timestamp() && ctx.subtask_index() == 0
}

fn main() {}
