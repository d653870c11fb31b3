use millstream::prelude::*;

#[operator(key = value, window = tumbling("1 min"))]
fn summary(ctx: &mut Context<'_>, values: Vec<i64>, out: &mut Collector<i64>) {
    let _ = ctx;
    out.extend(values);
}

fn main() {}
