use millstream::prelude::*;

#[derive(KeyedOperator)]
#[operator(connect, broadcast)]
struct Nothing;

impl KeyedBroadcastProcess for Nothing {
    type Key = u32;
    type In = i64;
    type Broadcast = i64;
    type Shared = BroadcastState<i64, ()>;
    type Out = i64;
    fn process(
        &mut self,
        _: i64,
        _: &Self::Shared,
        _: &mut KeyedContext<'_, u32>,
        _: &mut Collector<i64>,
    ) -> Result<()> {
        Ok(())
    }
    fn process_broadcast(
        &mut self,
        _: i64,
        _: &mut Self::Shared,
        _: &mut BroadcastContext<'_>,
        _: &mut Collector<i64>,
    ) -> Result<()> {
        Ok(())
    }
}

fn main() {}
