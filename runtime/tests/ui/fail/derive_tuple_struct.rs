use millstream::prelude::*;

#[derive(KeyedOperator)]
struct Sum(#[state] Value<i64>);

fn main() {}
