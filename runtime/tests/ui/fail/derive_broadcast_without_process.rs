use millstream::prelude::*;

#[derive(KeyedOperator)]
#[operator(broadcast)]
struct Sum {
    #[state]
    total: Value<i64>,
}

fn main() {}
