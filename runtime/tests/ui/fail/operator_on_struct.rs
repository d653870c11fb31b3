use millstream::prelude::*;

#[operator]
struct Count;

fn main() {}
