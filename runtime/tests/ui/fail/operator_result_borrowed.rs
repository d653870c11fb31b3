use millstream::prelude::*;

#[operator]
fn first_word(line: &str) -> Option<&str> {
    line.split(' ').next()
}

fn main() {}
