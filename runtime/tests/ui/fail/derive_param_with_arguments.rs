use millstream::prelude::*;

#[derive(KeyedOperator)]
struct Sum {
    #[param(3)]
    limit: i64,
}

impl KeyedProcess for Sum {
    type Key = u32;
    type In = i64;
    type Out = i64;
    fn process(&mut self, value: i64, _ctx: &mut KeyedContext<'_, u32>, out: &mut Collector<i64>) -> Result<()> {
        out.emit(value.min(self.limit));
        Ok(())
    }
}

fn main() {}
