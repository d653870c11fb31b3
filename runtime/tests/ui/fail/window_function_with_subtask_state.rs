use millstream::prelude::*;

#[operator(key = value, window = tumbling("1 min"))]
fn summary(values: Vec<i64>, #[state] seen: &mut ListState<u64>, out: &mut Collector<i64>) {
    seen.push(1);
    out.extend(values);
}

fn main() {}
