use millstream::prelude::*;

#[operator]
async fn lookup(user: u64, #[state] seen: &mut ListState<u64>) -> u64 {
    seen.push(user);
    user
}

fn main() {}
