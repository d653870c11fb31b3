use millstream::prelude::*;

#[operator(broadcast)]
fn count(of: Either<i64, String>, #[state] total: &mut Value<i64>) -> i64 {
    *total.get_or_default() += of.left().unwrap_or(0);
    *total.get_or_default()
}

fn main() {}
