use millstream::prelude::*;

#[operator]
fn double(value: i64, out: &mut Collector<i64>) -> i64 {
    out.emit(value);
    value
}

fn main() {}
