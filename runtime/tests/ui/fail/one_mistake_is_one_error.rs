use millstream::prelude::*;

#[operator]
fn above(value: i64, limit: i64) -> Option<i64> {
    (value > limit).then_some(value)
}

fn main() {
    let env = Environment::new("job");
    env.from_collection([1i64]).apply(above()).map(|value| value + 1).collect();
}
