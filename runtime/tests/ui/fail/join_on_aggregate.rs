use millstream::prelude::*;

#[derive(Clone)]
struct Count;

#[operator(join, key = value, window = tumbling("1 min"))]
impl Aggregate for Count {
    type In = i64;
    type Acc = u64;
    type Out = u64;
    fn add(&self, acc: &mut u64, _value: i64) {
        *acc += 1;
    }
    fn merge(&self, acc: &mut u64, other: u64) {
        *acc += other;
    }
    fn result(&self, acc: &u64) -> u64 {
        *acc
    }
}

fn main() {}
