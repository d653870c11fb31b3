//! The contracts of sources and sinks, and the ones that need no outside system.
//!
//! A connector implements [`Source`] or [`Sink`] and passes the conformance suite in [`crate::testing::conformance`].

mod collect;
mod collection;
mod discard;
mod for_each;
mod generator;
mod indexes;
mod print;
mod rate;
mod sink;
mod source;

pub use collect::{CollectCommitter, CollectSink, CollectWriter, Collected, CollectedPart};
pub use collection::CollectionSource;
pub use discard::DiscardSink;
pub use for_each::ForEachSink;
pub use generator::GeneratorSource;
pub use indexes::{IndexEnumerator, IndexEnumeratorState, IndexReader, IndexSplit};
pub use print::{PrintSink, PrintWriter};
pub use rate::{RateLimited, RateLimitedReader};
pub use sink::{Committer, Guarantee, NoCommitter, RecoverContext, Sink, SinkContext, SinkError, SinkWriter};
pub use source::{
    Assignment, Boundedness, Enumerator, Read, ReadBuffer, Reader, ReaderContext, Source, SourceError, Split,
};
