use millstream::prelude::*;

#[operator]
fn sum(value: i64, #[state] total: &mut Reducing<i64>) -> Option<i64> {
    total.add(value);
    total.get().copied()
}

fn main() {}
