//! A sink's committer without its types, and what it commits as bytes.
//!
//! From when a writer has prepared it until it is committed, each committable is MessagePack: so it goes into a
//! snapshot and comes out of one as it is, and only the committer knows what it means.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::connector::{Committer, RecoverContext, Sink, SinkError};
use crate::state::{StateError, decode, encode};

/// Committables of one sink, each encoded by itself.
pub(crate) type Committables = Vec<Vec<u8>>;

/// A sink's [`Committer`].
pub(crate) trait AnyCommitter: Send {
    fn commit(&mut self, committables: &[Vec<u8>]) -> Result<(), SinkError>;
    fn recover(&mut self, ctx: RecoverContext, restored: &[Vec<u8>]) -> Result<(), SinkError>;
    fn abort(&mut self, committables: &[Vec<u8>]) -> Result<(), SinkError>;
}

/// Makes a sink's committer. May do I/O.
pub(crate) type CommitterFactory = Arc<dyn Fn() -> Result<Box<dyn AnyCommitter>, SinkError> + Send + Sync>;

/// The factory of a sink's committer.
pub(crate) fn committer_factory<S: Sink>(sink: Arc<S>) -> CommitterFactory {
    Arc::new(move || Ok(Box::new(Typed(sink.committer()?))))
}

/// Encodes what a writer has prepared.
pub(crate) fn encode_committables<C: Serialize>(committables: &[C]) -> Result<Committables, StateError> {
    let encoded = committables.iter().map(|committable| {
        let mut bytes = Vec::new();
        encode(committable, &mut bytes)?;
        Ok(bytes)
    });
    encoded.collect()
}

fn decode_committables<C: DeserializeOwned>(committables: &[Vec<u8>]) -> Result<Vec<C>, SinkError> {
    let decoded = committables.iter().map(|bytes| decode(&mut bytes.as_slice(), "a committable"));
    Ok(decoded.collect::<Result<_, _>>()?)
}

struct Typed<C>(C);

impl<C: Committer> AnyCommitter for Typed<C>
where
    C::Committable: DeserializeOwned,
{
    fn commit(&mut self, committables: &[Vec<u8>]) -> Result<(), SinkError> {
        self.0.commit(decode_committables(committables)?)
    }

    fn recover(&mut self, ctx: RecoverContext, restored: &[Vec<u8>]) -> Result<(), SinkError> {
        self.0.recover(ctx, decode_committables(restored)?)
    }

    fn abort(&mut self, committables: &[Vec<u8>]) -> Result<(), SinkError> {
        self.0.abort(decode_committables(committables)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Batch;
    use crate::connector::{CollectSink, Collected, SinkContext, SinkWriter};
    use crate::time::ManualClock;

    fn prepared(values: impl IntoIterator<Item = u64>) -> (Box<dyn AnyCommitter>, Committables, Collected<u64>) {
        let (sink, collected) = CollectSink::new();
        let mut writer = sink.writer(SinkContext::new(0, 1, Arc::new(ManualClock::default()))).unwrap();
        let mut batch = Batch::new();
        values.into_iter().for_each(|value| batch.push(value));
        writer.write(&mut batch.consume()).unwrap();
        let committables = encode_committables(&writer.prepare_commit().unwrap()).unwrap();
        (committer_factory(Arc::new(sink))().unwrap(), committables, collected)
    }

    fn context() -> RecoverContext {
        let [job, run, sink] = ["job", "run", "sink"].map(Arc::from);
        RecoverContext { job, run, sink, attempt: 1, restored: true, checkpoint_interval: None }
    }

    #[test]
    fn what_was_encoded_is_committed_by_a_commit_or_a_recovery_and_once_by_both() {
        let (mut committer, committables, collected) = prepared([1, 2]);
        committer.recover(context(), &committables).unwrap();
        assert_eq!(collected.take(), [1, 2]);
        committer.commit(&committables).unwrap();
        assert!(collected.is_empty());
    }

    #[test]
    fn bytes_of_another_sink_are_an_error_and_nothing_is_committed() {
        let (mut committer, mut committables, collected) = prepared([1]);
        committables.push(b"\xc1".to_vec());
        let error = committer.commit(&committables).unwrap_err().to_string();
        assert!(error.contains("another sink") && error.contains("a committable"), "{error}");
        assert!(collected.is_empty());
    }
}
