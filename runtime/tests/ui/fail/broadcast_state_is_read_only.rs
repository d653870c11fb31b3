use millstream::prelude::*;

#[derive(Clone)]
struct Learn;

impl BroadcastProcess for Learn {
    type In = u64;
    type Broadcast = u64;
    type Shared = BroadcastState<u64, ()>;
    type Out = u64;
    fn process(&mut self, n: u64, known: &Self::Shared, _: &mut Context<'_>, _: &mut Collector<u64>) -> Result<()> {
        known.insert(n, ());
        Ok(())
    }
    fn process_broadcast(
        &mut self,
        n: u64,
        known: &mut Self::Shared,
        _: &mut Context<'_>,
        _: &mut Collector<u64>,
    ) -> Result<()> {
        known.insert(n, ());
        Ok(())
    }
}

fn main() {}
