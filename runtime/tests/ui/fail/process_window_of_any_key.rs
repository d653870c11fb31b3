use millstream::prelude::*;
use millstream::window::{ProcessWindow, WindowStates};

#[derive(Clone)]
struct First;

#[operator(key = value, window = tumbling("1 min"))]
impl<K: Key> ProcessWindow<K> for First {
    type In = Vec<i64>;
    type Out = i64;
    fn process(
        &mut self,
        _key: &K,
        _input: Self::In,
        _states: WindowStates<'_, (), ()>,
        _window: &mut WindowContext<'_>,
        _out: &mut Collector<i64>,
    ) -> Result<()> {
        Ok(())
    }
}

fn main() {}
