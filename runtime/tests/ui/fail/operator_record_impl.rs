use millstream::prelude::*;

#[operator]
fn text(value: impl ToString) -> String {
    value.to_string()
}

fn main() {}
