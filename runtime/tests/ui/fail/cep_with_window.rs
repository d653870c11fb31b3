use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin]
    first: i64,
}

#[operator(cep, key = event, window = tumbling("1 s"))]
fn first(found: Found) -> i64 {
    found.first
}

fn main() {}
