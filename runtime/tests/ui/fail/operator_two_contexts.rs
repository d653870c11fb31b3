use millstream::prelude::*;

#[operator(keyed)]
fn double(value: i64, ctx: &mut Context<'_>, keyed: &mut KeyedContext<'_, u32>) -> i64 {
    let _ = (ctx, keyed);
    value * 2
}

fn main() {}
