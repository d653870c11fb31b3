use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin]
    first: i64,
}

#[operator(cep)]
fn first(found: Found, #[state] sum: &mut Value<i64>) -> i64 {
    *sum.get_or_default() + found.first
}

fn main() {}
