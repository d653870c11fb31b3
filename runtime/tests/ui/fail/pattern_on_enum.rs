use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
enum Found {
    First,
}

fn main() {}
