use millstream::prelude::*;

#[operator(key = value, window = tumbling("1 min"))]
fn summary(key: &i64, out: &mut Collector<i64>) {
    out.emit(*key);
}

fn main() {}
