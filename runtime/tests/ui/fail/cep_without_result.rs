use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin]
    first: i64,
}

#[operator(cep)]
fn first(found: Found) {
    let _ = found.first;
}

fn main() {}
