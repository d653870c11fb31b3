use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[not_next]
    none: (),
    #[next]
    second: i64,
}

fn main() {}
