use millstream::prelude::*;

#[operator(parallelism = "four", on_error = skip, colour)]
fn sum(value: i64, #[state(ttl = "soon", reduce = 3)] total: &mut Value<i64>) -> i64 {
    *total.get_or_default() += value;
    *total.get_or_default()
}

fn main() {}
