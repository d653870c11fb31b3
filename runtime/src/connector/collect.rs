//! A sink that keeps what it gets in memory, for tests and small results.
//!
//! Exactly-once like a real one: records show up when they are committed, and a part that is committed again is known
//! by its id and left out.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Committer, Guarantee, Sink, SinkContext, SinkError, SinkWriter};
use crate::channel::batch::Consume;
use crate::data::Data;

/// Keeps records in memory; made together with the handle that shows them.
///
/// Exactly-once as long as the process lives: what was committed is lost with it.
///
/// ```
/// use millstream::connector::CollectSink;
/// let (sink, collected) = CollectSink::<u64>::new();
/// // ... a job writes to `sink`; when it has ended:
/// assert!(collected.take().is_empty());
/// # drop(sink);
/// ```
#[derive(Debug)]
pub struct CollectSink<T> {
    shared: Arc<Mutex<Shared<T>>>,
}

impl<T: Data> CollectSink<T> {
    /// A sink, and the handle to its records.
    pub fn new() -> (Self, Collected<T>) {
        let shared = Arc::new(Mutex::new(Shared { values: Vec::new(), committed: HashSet::new() }));
        (Self { shared: Arc::clone(&shared) }, Collected { shared })
    }
}

impl<T> Clone for CollectSink<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

/// Shows the records of a [`CollectSink`] that have been committed.
#[derive(Debug)]
pub struct Collected<T> {
    shared: Arc<Mutex<Shared<T>>>,
}

impl<T> Clone for Collected<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Collected<T> {
    /// Takes the records out. Those of one subtask are in the order in which they came.
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut locked(&self.shared).values)
    }

    /// Takes the records out, sorted.
    pub fn take_sorted(&self) -> Vec<T>
    where
        T: Ord,
    {
        let mut values = self.take();
        values.sort();
        values
    }

    /// How many records there are to take.
    pub fn len(&self) -> usize {
        locked(&self.shared).values.len()
    }

    /// Whether there is nothing to take.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[derive(Debug)]
struct Shared<T> {
    values: Vec<T>,
    /// The parts that `values` holds or held.
    committed: HashSet<u64>,
}

fn locked<T>(shared: &Mutex<Shared<T>>) -> MutexGuard<'_, Shared<T>> {
    // The lock is held only where nothing of the user's runs, so what a panic leaves is whole.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records written and not yet shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CollectedPart<T> {
    /// Random, so that no other writer of any attempt makes the same.
    id: u64,
    values: Vec<T>,
}

impl<T: Data> Sink for CollectSink<T> {
    type In = T;
    type Committable = CollectedPart<T>;
    type Writer = CollectWriter<T>;
    type Committer = CollectCommitter<T>;

    fn name(&self) -> String {
        "collect".to_owned()
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    fn may_block(&self) -> bool {
        false
    }

    fn writer(&self, _ctx: SinkContext) -> Result<CollectWriter<T>, SinkError> {
        Ok(CollectWriter { values: Vec::new(), ids: RandomState::new(), parts: 0 })
    }

    fn committer(&self) -> Result<CollectCommitter<T>, SinkError> {
        Ok(CollectCommitter { shared: Arc::clone(&self.shared) })
    }
}

/// Collects the records of one subtask.
#[derive(Debug)]
pub struct CollectWriter<T> {
    values: Vec<T>,
    ids: RandomState,
    /// How many parts it has made.
    parts: u64,
}

impl<T: Data> SinkWriter for CollectWriter<T> {
    type In = T;
    type Committable = CollectedPart<T>;

    fn write(&mut self, records: &mut Consume<'_, T>) -> Result<(), SinkError> {
        self.values.extend(records);
        Ok(())
    }

    fn prepare_commit(&mut self) -> Result<Vec<CollectedPart<T>>, SinkError> {
        if self.values.is_empty() {
            return Ok(Vec::new());
        }
        self.parts += 1;
        let id = self.ids.hash_one(self.parts);
        Ok(vec![CollectedPart { id, values: std::mem::take(&mut self.values) }])
    }
}

/// Shows the parts it is given.
#[derive(Debug)]
pub struct CollectCommitter<T> {
    shared: Arc<Mutex<Shared<T>>>,
}

impl<T: Data> Committer for CollectCommitter<T> {
    type Committable = CollectedPart<T>;

    fn commit(&mut self, committables: Vec<CollectedPart<T>>) -> Result<(), SinkError> {
        let mut shared = locked(&self.shared);
        for mut part in committables {
            if shared.committed.insert(part.id) {
                shared.values.append(&mut part.values);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::conformance;

    #[test]
    fn keeps_the_sink_contract() {
        let make = || {
            let (sink, collected) = CollectSink::new();
            let mut seen = Vec::new();
            (sink, move || {
                seen.extend(collected.take());
                seen.clone()
            })
        };
        conformance::sink(make, (0..100).map(|number| format!("record {number}")).collect());
    }
}
