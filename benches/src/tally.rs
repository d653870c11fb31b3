//! A sink that sums up what it is given: the cheapest one that still looks at every record.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use millstream::Data;
use millstream::channel::batch::Consume;
use millstream::connector::{Guarantee, NoCommitter, Sink, SinkContext, SinkError, SinkWriter};

use crate::Fingerprint;

/// Counts records into a [`Fingerprint`] by a code for each.
pub(crate) struct TallySink<T, F> {
    code: F,
    tally: Tally,
    _type: PhantomData<fn(T)>,
}

/// What the writers of a [`TallySink`] have counted, once they have ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally(Arc<Mutex<Fingerprint>>);

impl Tally {
    /// Takes out what has been counted.
    pub(crate) fn take(&self) -> Fingerprint {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T, F: Fn(&T) -> u64 + Clone + Send + Sync + 'static> TallySink<T, F> {
    /// A sink, and where to find what it has counted.
    pub(crate) fn new(code: F) -> (Self, Tally) {
        let tally = Tally::default();
        (Self { code, tally: tally.clone(), _type: PhantomData }, tally)
    }
}

impl<T: Data, F: Fn(&T) -> u64 + Clone + Send + Sync + 'static> Sink for TallySink<T, F> {
    type In = T;
    type Committable = ();
    type Writer = TallyWriter<T, F>;
    type Committer = NoCommitter;

    fn name(&self) -> String {
        "tally".to_owned()
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::None
    }

    fn may_block(&self) -> bool {
        false
    }

    fn writer(&self, _ctx: SinkContext) -> Result<Self::Writer, SinkError> {
        let counted = Fingerprint::default();
        Ok(TallyWriter { code: self.code.clone(), counted, tally: self.tally.clone(), _type: PhantomData })
    }

    fn committer(&self) -> Result<NoCommitter, SinkError> {
        Ok(NoCommitter)
    }
}

/// Counts for one subtask.
pub(crate) struct TallyWriter<T, F> {
    code: F,
    counted: Fingerprint,
    tally: Tally,
    _type: PhantomData<fn(T)>,
}

impl<T: Data, F: Fn(&T) -> u64 + 'static> SinkWriter for TallyWriter<T, F> {
    type In = T;
    type Committable = ();

    fn write(&mut self, records: &mut Consume<'_, T>) -> Result<(), SinkError> {
        // A local sum stays in registers.
        let mut counted = self.counted;
        for value in records {
            counted.add((self.code)(&value));
        }
        self.counted = counted;
        Ok(())
    }

    fn prepare_commit(&mut self) -> Result<Vec<()>, SinkError> {
        let mut total = self.tally.0.lock().unwrap_or_else(PoisonError::into_inner);
        total.merge(std::mem::take(&mut self.counted));
        Ok(Vec::new())
    }
}
