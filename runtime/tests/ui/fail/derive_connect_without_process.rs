use millstream::prelude::*;

#[derive(KeyedOperator)]
#[operator(connect)]
struct Sum {
    #[state]
    total: Value<i64>,
}

fn main() {}
