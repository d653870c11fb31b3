use millstream::prelude::*;

#[operator(connect, blocking)]
fn double(of: Either<i64, i64>) -> i64 {
    of.into_inner() * 2
}

fn main() {}
