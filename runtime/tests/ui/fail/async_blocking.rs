use millstream::prelude::*;

#[operator(blocking)]
async fn lookup(user: u64) -> u64 {
    user
}

fn main() {}
