use millstream::prelude::*;

#[millstream::main]
struct Job;
