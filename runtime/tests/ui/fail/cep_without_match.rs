use millstream::prelude::*;

#[derive(Pattern)]
#[pattern(event = i64)]
struct Found {
    #[begin]
    first: i64,
}

#[operator(cep)]
fn first(out: &mut Collector<i64>) {
    out.emit(1);
}

fn main() {}
