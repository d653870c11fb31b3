use millstream::prelude::*;

#[operator]
fn split(value: i64, even: &mut Collector<i64>, odd: &mut Collector<i64>) {
    if value % 2 == 0 { even.emit(value) } else { odd.emit(value) }
}

fn main() {}
