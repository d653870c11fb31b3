use millstream::prelude::*;

#[derive(KeyedOperator)]
enum Sum {
    Empty,
}

fn main() {}
