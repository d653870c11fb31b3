use millstream::prelude::*;

#[derive(Clone, KeyedOperator)]
struct Sum {
    #[state]
    total: Value<i64>,
}

impl KeyedProcess for Sum {
    type Key = u32;
    type In = i64;
    type Out = i64;
    fn process(&mut self, value: i64, _ctx: &mut KeyedContext<'_, u32>, out: &mut Collector<i64>) -> Result<()> {
        *self.total.get_or_default() += value;
        out.emit(value);
        Ok(())
    }
}

fn main() {}
