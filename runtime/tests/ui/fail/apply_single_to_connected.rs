use millstream::prelude::*;

#[operator]
fn double(value: i64) -> i64 {
    value * 2
}

fn main() {
    let env = Environment::new("test");
    let _ = env.from_collection([1_i64]).connect(env.from_collection([2_i64])).apply(double());
}
