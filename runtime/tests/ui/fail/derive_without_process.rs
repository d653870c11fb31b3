use millstream::prelude::*;

#[derive(KeyedOperator)]
struct Sum {
    #[state]
    total: Value<i64>,
}

fn main() {}
