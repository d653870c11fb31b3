//! A source's enumerator without its types.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use crate::connector::{Assignment, Enumerator, ReaderContext, Source, SourceError};
use crate::state::{StateError, decode, encode};

/// What an enumerator tells a subtask.
pub(crate) enum Answer {
    /// A `Vec<Split>`.
    Splits(Box<dyn Any + Send>),
    /// Nothing yet; splits follow unasked when there are some.
    Later,
    /// There will be no more.
    End,
}

/// An [`Enumerator`] of some source.
pub(crate) trait AnyEnumerator: Send {
    fn discover(&mut self) -> Result<(), SourceError>;
    fn discovery_interval(&self) -> Option<Duration>;
    fn next(&mut self, reader: &ReaderContext) -> Answer;
    /// What it remembers, encoded.
    fn snapshot(&self) -> Result<Vec<u8>, StateError>;
}

/// Makes the enumerator, from the bytes of a snapshot if there are any. May do I/O.
pub(crate) type EnumeratorFactory =
    Arc<dyn Fn(Option<&[u8]>) -> Result<Box<dyn AnyEnumerator>, SourceError> + Send + Sync>;

struct Typed<E>(E);

impl<E: Enumerator> AnyEnumerator for Typed<E> {
    fn discover(&mut self) -> Result<(), SourceError> {
        self.0.discover()
    }

    fn discovery_interval(&self) -> Option<Duration> {
        self.0.discovery_interval()
    }

    fn next(&mut self, reader: &ReaderContext) -> Answer {
        match self.0.next(reader) {
            Assignment::Splits(splits) => Answer::Splits(Box::new(splits)),
            Assignment::Later => Answer::Later,
            Assignment::End => Answer::End,
        }
    }

    fn snapshot(&self) -> Result<Vec<u8>, StateError> {
        let mut bytes = Vec::new();
        encode(&self.0.snapshot(), &mut bytes)?;
        Ok(bytes)
    }
}

/// The factory of a source's enumerator.
pub(crate) fn enumerator_factory<S: Source>(source: Arc<S>) -> EnumeratorFactory {
    Arc::new(move |restored| {
        let restored = restored
            .map(|mut bytes| decode(&mut bytes, "the enumerator's state"))
            .transpose()
            .map_err(|error| SourceError::Invalid(error.to_string()))?;
        Ok(Box::new(Typed(source.enumerator(restored)?)))
    })
}
