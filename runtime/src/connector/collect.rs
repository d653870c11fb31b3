//! A sink into memory.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Guarantee, NoCommitter, Sink, SinkContext, SinkError, SinkWriter};
use crate::channel::batch::Consume;
use crate::data::Data;

/// Keeps records in memory.
pub struct CollectSink<T> {
    collected: Collected<T>,
}

/// What a [`CollectSink`] has kept.
pub struct Collected<T> {
    values: Arc<Mutex<Vec<T>>>,
}

impl<T> Clone for Collected<T> {
    fn clone(&self) -> Self {
        Self { values: Arc::clone(&self.values) }
    }
}

impl<T> Collected<T> {
    /// Takes out what has been kept so far.
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.values.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes out what has been kept so far, sorted.
    pub fn take_sorted(&self) -> Vec<T>
    where
        T: Ord,
    {
        let mut values = self.take();
        values.sort();
        values
    }
}

impl<T> CollectSink<T> {
    /// A sink, and where to find what it has kept.
    pub fn new() -> (Self, Collected<T>) {
        let collected = Collected { values: Arc::default() };
        (Self { collected: collected.clone() }, collected)
    }
}

impl<T: Data> Sink for CollectSink<T> {
    type In = T;
    type Committable = ();
    type Writer = Collected<T>;
    type Committer = NoCommitter;

    fn name(&self) -> String {
        "collect".to_owned()
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::None
    }

    fn may_block(&self) -> bool {
        false
    }

    fn writer(&self, _ctx: SinkContext) -> Result<Collected<T>, SinkError> {
        Ok(self.collected.clone())
    }

    fn committer(&self) -> Result<NoCommitter, SinkError> {
        Ok(NoCommitter)
    }
}

impl<T: Data> SinkWriter for Collected<T> {
    type In = T;
    type Committable = ();

    fn write(&mut self, records: &mut Consume<'_, T>) -> Result<(), SinkError> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner).extend(records);
        Ok(())
    }

    fn prepare_commit(&mut self) -> Result<Vec<()>, SinkError> {
        Ok(Vec::new())
    }
}
