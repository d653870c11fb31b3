//! A job with arguments; its own function can be called, too.
#![deny(warnings)]

use millstream::prelude::*;

#[derive(clap::Args)]
struct Args {
    #[arg(long, default_value_t = 3)]
    limit: u64,
}

#[millstream::main(name = format!("{}-{}", "a", "job"))]
fn job(env: &Environment, args: Args) -> Result<()> {
    env.from_collection(0..args.limit).print();
    Ok(())
}

#[allow(dead_code)]
fn by_a_test() -> Result<()> {
    job(&Environment::new("test"), Args { limit: 1 })
}
