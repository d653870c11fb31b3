use millstream::prelude::*;

#[operator]
fn sum(value: i64, #[state] total: &mut Value<i64>) -> i64 {
    *total.get_or_default() += value;
    *total.get_or_default()
}

fn main() {
    let env = Environment::new("job");
    env.from_collection([1i64]).apply(sum()).collect();
}
