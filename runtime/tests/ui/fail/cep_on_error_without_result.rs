use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin]
    first: i64,
}

#[operator(cep, on_error = skip)]
fn first(found: Found) -> i64 {
    found.first
}

fn main() {}
