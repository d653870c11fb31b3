use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin]
    first: i64,
}

#[operator(cep)]
fn first(found: Found, ctx: &PatternContext<'_, i64>) -> i64 {
    found.first + *ctx.key()
}

fn main() {}
