use millstream::prelude::*;

#[operator(retry = fixed(3, "1 s"))]
async fn lookup(user: u64) -> Result<u64> {
    Ok(user)
}

#[operator(retry = fixed_delay(3))]
async fn another(user: u64) -> Result<u64> {
    Ok(user)
}

fn main() {}
