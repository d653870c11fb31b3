use millstream::prelude::*;

#[derive(KeyedOperator)]
struct Sum<'a> {
    #[param]
    name: &'a str,
}

fn main() {}
