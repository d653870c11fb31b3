use millstream::prelude::*;

#[operator(order = sorted, capacity = 0)]
async fn lookup(user: u64) -> u64 {
    user
}

fn main() {}
