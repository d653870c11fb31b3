use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin]
    first: i64,
}

#[operator(cep)]
fn first(found: Found) -> i64 {
    found.first
}

fn main() {
    let env = Environment::new("job");
    env.from_collection([1i64]).apply(first()).collect();
}
