use millstream::prelude::*;

#[operator(key = value, window = tumbling("1 min"), reduce)]
fn highest(a: i64, b: i64, out: &mut Collector<i64>) -> i64 {
    out.emit(a);
    a.max(b)
}

fn main() {}
