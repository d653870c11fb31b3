use millstream::prelude::*;

#[operator(map)]
fn double(value: i64, out: &mut Collector<i64>) {
    out.emit(value * 2);
}

fn main() {}
