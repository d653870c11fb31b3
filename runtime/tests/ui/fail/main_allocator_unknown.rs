use millstream::prelude::*;

#[millstream::main(allocator = "jemalloc")]
fn job(_env: &Environment) -> Result<()> {
    Ok(())
}
