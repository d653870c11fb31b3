use millstream::prelude::*;

#[operator]
fn many(
    value: i64,
    #[state] _a: &mut Value<i64>,
    #[state] _b: &mut Value<i64>,
    #[state] _c: &mut Value<i64>,
    #[state] _d: &mut Value<i64>,
    #[state] _e: &mut Value<i64>,
    #[state] _f: &mut Value<i64>,
    #[state] _g: &mut Value<i64>,
    #[state] _h: &mut Value<i64>,
    #[state] _i: &mut Value<i64>,
) -> i64 {
    value
}

fn main() {}
