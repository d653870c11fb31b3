use millstream::prelude::*;

#[millstream::main]
fn job(_args: Vec<String>) -> Result<()> {
    Ok(())
}
