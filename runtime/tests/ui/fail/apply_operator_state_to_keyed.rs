use millstream::prelude::*;

#[operator]
fn fresh(value: i64, #[state] seen: &mut ListState<i64>) -> i64 {
    seen.push(value);
    value
}

fn main() {
    let env = Environment::new("job");
    env.from_collection([1i64]).key_by(|value| value).apply(fresh()).collect();
}
