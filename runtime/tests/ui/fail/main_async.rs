use millstream::prelude::*;

#[millstream::main]
async fn job(_env: &Environment) -> Result<()> {
    Ok(())
}
