use millstream::prelude::*;

#[millstream::main]
fn job(_env: &Environment, _args: String, _more: String) -> Result<()> {
    Ok(())
}
