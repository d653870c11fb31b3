//! A sink that calls a function.

use std::marker::PhantomData;

use super::{Guarantee, NoCommitter, Sink, SinkContext, SinkError, SinkWriter};
use crate::channel::batch::Consume;
use crate::data::Data;
use crate::error::Result;

/// Calls a function with each record. Each subtask has a clone of it.
///
/// At-least-once: what the function does is done again for records that are read again after a failure. What it only
/// begins, such as writes to a buffer of its own, may be lost.
///
/// ```
/// use millstream::connector::{ForEachSink, Guarantee, Sink};
/// let (sender, receiver) = std::sync::mpsc::channel();
/// let sink = ForEachSink::new(move |word: String| Ok(sender.send(word)?));
/// assert_eq!(sink.guarantee(), Guarantee::AtLeastOnce);
/// # drop(receiver);
/// ```
pub struct ForEachSink<T, F> {
    function: F,
    may_block: bool,
    values: PhantomData<fn(T)>,
}

impl<T, F: Clone> Clone for ForEachSink<T, F> {
    fn clone(&self) -> Self {
        Self { function: self.function.clone(), may_block: self.may_block, values: PhantomData }
    }
}

impl<T, F> ForEachSink<T, F>
where
    T: Data,
    F: FnMut(T) -> Result<()> + Clone + Send + Sync + 'static,
{
    /// Calls `function`, which may wait: it gets a thread of its own.
    pub fn new(function: F) -> Self {
        Self { function, may_block: true, values: PhantomData }
    }

    /// Promises that the function never waits, so that it needs no thread of its own.
    #[must_use]
    pub fn non_blocking(mut self) -> Self {
        self.may_block = false;
        self
    }
}

impl<T, F> Sink for ForEachSink<T, F>
where
    T: Data,
    F: FnMut(T) -> Result<()> + Clone + Send + Sync + 'static,
{
    type In = T;
    type Committable = ();
    type Writer = Self;
    type Committer = NoCommitter;

    fn name(&self) -> String {
        "for_each".to_owned()
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce
    }

    fn may_block(&self) -> bool {
        self.may_block
    }

    fn writer(&self, _ctx: SinkContext) -> Result<Self, SinkError> {
        Ok(self.clone())
    }

    fn committer(&self) -> Result<NoCommitter, SinkError> {
        Ok(NoCommitter)
    }
}

impl<T, F> SinkWriter for ForEachSink<T, F>
where
    T: Data,
    F: FnMut(T) -> Result<()> + 'static,
{
    type In = T;
    type Committable = ();

    fn write(&mut self, records: &mut Consume<'_, T>) -> Result<(), SinkError> {
        for value in records {
            (self.function)(value).map_err(|error| SinkError::Rejected {
                target: "the function of `for_each`".to_owned(),
                reason: format!("{error:#}"),
            })?;
        }
        Ok(())
    }

    fn prepare_commit(&mut self) -> Result<Vec<()>, SinkError> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Batch;

    #[test]
    fn an_error_of_the_function_is_the_sinks() {
        let mut sink = ForEachSink::new(|value: u64| {
            anyhow::ensure!(value < 2, "{value} is too much");
            Ok(())
        });
        let mut batch = Batch::new();
        (0..4).for_each(|value| batch.push(value));
        let error = sink.write(&mut batch.consume()).unwrap_err().to_string();
        assert!(error.contains("2 is too much"), "{error}");
    }
}
