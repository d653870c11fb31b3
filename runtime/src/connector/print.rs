//! A sink that prints.

use std::fmt::Debug;
use std::io::Write;
use std::marker::PhantomData;

use super::{Guarantee, NoCommitter, Sink, SinkContext, SinkError, SinkWriter};
use crate::channel::batch::Consume;
use crate::data::Data;

/// Prints each record as a line on standard output.
pub struct PrintSink<T>(PhantomData<fn(T)>);

impl<T: Debug> PrintSink<T> {
    /// Prints the `Debug` form.
    pub fn debug() -> Self {
        Self(PhantomData)
    }
}

/// Writes the lines.
pub struct PrintWriter<T>(PhantomData<fn(T)>);

impl<T: Data + Debug> Sink for PrintSink<T> {
    type In = T;
    type Committable = ();
    type Writer = PrintWriter<T>;
    type Committer = NoCommitter;

    fn name(&self) -> String {
        "print".to_owned()
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::None
    }

    fn writer(&self, _ctx: SinkContext) -> Result<PrintWriter<T>, SinkError> {
        Ok(PrintWriter(PhantomData))
    }

    fn committer(&self) -> Result<NoCommitter, SinkError> {
        Ok(NoCommitter)
    }
}

impl<T: Data + Debug> SinkWriter for PrintWriter<T> {
    type In = T;
    type Committable = ();

    fn write(&mut self, records: &mut Consume<'_, T>) -> Result<(), SinkError> {
        let mut out = std::io::stdout().lock();
        for value in records {
            writeln!(out, "{value:?}").map_err(|error| SinkError::Io { what: "standard output".to_owned(), error })?;
        }
        Ok(())
    }

    fn prepare_commit(&mut self) -> Result<Vec<()>, SinkError> {
        Ok(Vec::new())
    }
}
