use millstream::prelude::*;

#[operator(on_error = ignore)]
fn parse(text: String) -> Result<i64> {
    Ok(text.parse()?)
}

fn main() {}
