//! Rolling folds: an accumulator per key, and a result for every record.
//!
//! `reduce`, `sum`, `min`, `max`, `count` and rolling `aggregate` are all this.

use super::KeyedOperator;
use crate::data::{Data, Key};
use crate::error::Result;
use crate::operator::{Collector, KeyedContext};
use crate::state::{StateSpec, Value};

/// A fold of a key's records.
pub(crate) trait Rolling<K>: Clone + Send + Sync + 'static {
    type In: Data;
    type Acc: Data;
    type Out: Data;

    /// Adds a record to what is stored, if anything, and makes the result.
    fn roll(&mut self, key: &K, acc: &mut Value<Self::Acc>, value: Self::In) -> Self::Out;
}

/// Runs a [`Rolling`] fold as a keyed operator.
#[derive(Clone)]
pub(crate) struct RollingOperator<R>(pub(crate) R);

impl<K: Key, R: Rolling<K>> KeyedOperator<K> for RollingOperator<R> {
    type In = R::In;
    type Out = R::Out;
    type State = (Value<R::Acc>,);

    fn states(&self) -> Vec<StateSpec> {
        vec![StateSpec::new("accumulator")]
    }

    fn new_state(&self) -> Self::State {
        (Value::default(),)
    }

    #[inline]
    fn process(
        &mut self,
        value: R::In,
        (acc,): &mut Self::State,
        ctx: &mut KeyedContext<'_, K>,
        out: &mut Collector<R::Out>,
    ) -> Result<()> {
        out.emit(self.0.roll(ctx.key, acc, value));
        Ok(())
    }
}
