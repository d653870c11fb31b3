use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found(i64);

fn main() {}
