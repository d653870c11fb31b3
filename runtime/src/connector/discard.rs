//! A sink that forgets what it gets.

use std::marker::PhantomData;

use super::{Guarantee, NoCommitter, Sink, SinkContext, SinkError, SinkWriter};
use crate::channel::batch::Consume;
use crate::data::Data;

/// Drops every record; for measuring a job, or one that works by side effects. It guarantees nothing.
///
/// ```
/// use millstream::connector::{DiscardSink, Sink};
/// assert_eq!(DiscardSink::<u64>::new().name(), "discard");
/// ```
#[derive(Debug)]
pub struct DiscardSink<T>(PhantomData<fn(T)>);

impl<T> DiscardSink<T> {
    /// A sink of any records.
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T> Default for DiscardSink<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for DiscardSink<T> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<T: Data> Sink for DiscardSink<T> {
    type In = T;
    type Committable = ();
    type Writer = Self;
    type Committer = NoCommitter;

    fn name(&self) -> String {
        "discard".to_owned()
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::None
    }

    fn may_block(&self) -> bool {
        false
    }

    fn writer(&self, _ctx: SinkContext) -> Result<Self, SinkError> {
        Ok(Self::new())
    }

    fn committer(&self) -> Result<NoCommitter, SinkError> {
        Ok(NoCommitter)
    }
}

impl<T: Data> SinkWriter for DiscardSink<T> {
    type In = T;
    type Committable = ();

    fn write(&mut self, records: &mut Consume<'_, T>) -> Result<(), SinkError> {
        records.for_each(drop);
        Ok(())
    }

    fn prepare_commit(&mut self) -> Result<Vec<()>, SinkError> {
        Ok(Vec::new())
    }
}
