//! A job without arguments, in a function that is called `main`, with the system's allocator.
#![deny(warnings)]

use millstream::prelude::*;

#[millstream::main(allocator = "system")]
fn main(env: &Environment) -> Result<()> {
    env.from_collection([1]).print();
    Ok(())
}
