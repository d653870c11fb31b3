//! Files: a source of lines, CSV or JSON rows, and a sink of part files that become visible all at once.
//!
//! What the sink writes the source can read: part files are hidden (their names begin with `.`) until they are
//! committed, and the source leaves hidden files in directories out.

mod compression;
mod hidden;
mod sink;
mod source;

pub use compression::Compression;
pub use sink::{
    CsvRows, Existing, FileCommitter, FilePart, FileSink, FileWriter, JsonRows, LineRows, RollingPolicy, RowEncoder,
};
pub use source::{
    Counted, Csv, FileEnumerator, FileEnumeratorState, FileFormat, FileReader, FileSource, FileSplit, Frame, InBlocks,
    JsonLines, Lines, Paths, RowDecoder, SplitReader,
};

pub use crate::format::{Fault, Malformed};
