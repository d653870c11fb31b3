use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin]
    first: i64,
}

#[operator(cep)]
fn first(found: Found, ctx: &mut PatternContext<'_, i64>, other: &mut Context<'_>) -> i64 {
    let _ = other;
    found.first + *ctx.key()
}

fn main() {}
