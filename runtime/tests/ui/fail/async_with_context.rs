use millstream::prelude::*;

#[operator]
async fn lookup(user: u64, _ctx: &mut Context<'_>) -> u64 {
    user
}

fn main() {}
