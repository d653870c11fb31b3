//! The contracts of sources and sinks, and the ones that need no outside system.
//!
//! A connector implements [`Source`] or [`Sink`] and passes the conformance suite in [`crate::testing::conformance`].

mod sink;
mod source;

pub use sink::{Committer, Guarantee, NoCommitter, Sink, SinkContext, SinkError, SinkWriter};
pub use source::{
    Assignment, Boundedness, Enumerator, Read, ReadBuffer, Reader, ReaderContext, Source, SourceError, Split,
};
