use millstream::prelude::*;

#[operator]
fn double(value: i64) -> i64 {
    value * 2
}

fn main() {
    let env = Environment::new("job");
    env.from_collection([1i64]).key_by(|value| value).apply(double()).collect();
}
