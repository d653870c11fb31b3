use millstream::prelude::*;

struct Limit(i64);

impl Limit {
    #[operator]
    fn above(&self, value: i64) -> Option<i64> {
        (value > self.0).then_some(value)
    }
}

fn main() {}
