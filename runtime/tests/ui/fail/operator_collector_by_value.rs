use millstream::prelude::*;

#[operator]
fn double(value: i64, mut out: Collector<i64>) {
    out.emit(value * 2);
}

fn main() {}
