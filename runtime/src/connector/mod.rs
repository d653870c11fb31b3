//! The contracts of sources and sinks, and the ones that need no outside system.
//!
//! A connector implements [`Source`] or [`Sink`] and passes the conformance suite in [`crate::testing::conformance`].

mod collect;
mod collection;
mod print;
mod sink;
mod source;

pub use collect::{CollectSink, Collected};
pub use collection::CollectionSource;
pub use print::PrintSink;
pub use sink::{Committer, Guarantee, NoCommitter, Sink, SinkContext, SinkError, SinkWriter};
pub use source::{
    Assignment, Boundedness, Enumerator, Read, ReadBuffer, Reader, ReaderContext, Source, SourceError, Split,
};
