use millstream::prelude::*;

#[operator(key = value, window = tumbling("1 min"))]
fn summary(values: Vec<i64>, #[state] #[window_state] total: &mut Value<i64>, out: &mut Collector<i64>) {
    out.extend(values);
}

fn main() {}
