use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin]
    first: i64,
}

#[operator(cep)]
fn first(found: Found, other: Found) -> i64 {
    found.first + other.first
}

fn main() {}
