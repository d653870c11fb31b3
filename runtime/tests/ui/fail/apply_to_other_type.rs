use millstream::prelude::*;

#[operator]
fn double(value: i64) -> i64 {
    value * 2
}

fn main() {
    let env = Environment::new("job");
    env.from_collection([1u8]).apply(double()).collect();
}
