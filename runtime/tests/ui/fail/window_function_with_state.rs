use millstream::prelude::*;

#[operator(key = value, window = tumbling("1 min"))]
fn summary(key: &i64, values: Vec<i64>, #[state] fired: &mut Value<u64>, out: &mut Collector<i64>) {
    *fired.get_or_default() += 1;
    out.emit(*key + values[0]);
}

fn main() {}
