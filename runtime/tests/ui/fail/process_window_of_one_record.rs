use millstream::prelude::*;
use millstream::window::{ProcessWindow, WindowStates};

#[derive(Clone)]
struct First;

#[operator(key = value, window = tumbling("1 min"))]
impl ProcessWindow<i64> for First {
    type In = i64;
    type Out = i64;
    fn process(
        &mut self,
        _key: &i64,
        _input: Self::In,
        _states: WindowStates<'_, (), ()>,
        _window: &mut WindowContext<'_>,
        _out: &mut Collector<i64>,
    ) -> Result<()> {
        Ok(())
    }
}

fn main() {}
