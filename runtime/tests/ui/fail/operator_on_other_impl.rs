use millstream::prelude::*;

#[derive(Clone)]
struct Double;

#[operator]
impl Process for Double {
    type In = i64;
    type Out = i64;
    fn process(&mut self, value: i64, _ctx: &mut Context<'_>, out: &mut Collector<i64>) -> Result<()> {
        out.emit(value * 2);
        Ok(())
    }
}

fn main() {}
