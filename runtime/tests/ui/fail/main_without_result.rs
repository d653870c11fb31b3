use millstream::prelude::*;

#[millstream::main]
fn job(_env: &Environment) {}
