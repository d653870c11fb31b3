use millstream::prelude::*;

#[operator(timed_out = |user| user)]
async fn lookup(user: u64) -> u64 {
    user
}

fn main() {}
