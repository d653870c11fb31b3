//! A sink for people: a line on the terminal per record.

use std::fmt::{Debug, Display, Write as _};
use std::io::{self, Write as _};
use std::sync::Arc;

use super::{Guarantee, NoCommitter, Sink, SinkContext, SinkError, SinkWriter};
use crate::channel::batch::Consume;
use crate::data::Data;

/// Writes one value to a line.
type Format<T> = Arc<dyn Fn(&T, &mut String) + Send + Sync>;

/// Prints each record on a line of standard output.
///
/// At-least-once: what has been printed cannot be taken back, so lines are printed again for records that are read again
/// after a failure.
///
/// With several subtasks, or a prefix, each line says where it comes from: `2> value`, or `words:2> value`.
///
/// ```
/// use millstream::connector::PrintSink;
/// let plain = PrintSink::<u64>::display();
/// let named = PrintSink::<(String, u64)>::debug().prefix("counts");
/// let own = PrintSink::new(|(word, count): &(String, u64)| format!("{count:>8} {word}"));
/// # let _ = (plain, named, own);
/// ```
pub struct PrintSink<T> {
    format: Format<T>,
    prefix: Option<String>,
}

impl<T> Clone for PrintSink<T> {
    fn clone(&self) -> Self {
        Self { format: Arc::clone(&self.format), prefix: self.prefix.clone() }
    }
}

impl<T: Data> PrintSink<T> {
    /// Prints what `format` makes of a value.
    pub fn new<D: Display>(format: impl Fn(&T) -> D + Send + Sync + 'static) -> Self {
        Self::writing(move |value, line| write!(line, "{}", format(value)))
    }

    /// Prints values as `{}` does.
    pub fn display() -> Self
    where
        T: Display,
    {
        Self::writing(|value, line| write!(line, "{value}"))
    }

    /// Prints values as `{:?}` does.
    pub fn debug() -> Self
    where
        T: Debug,
    {
        Self::writing(|value, line| write!(line, "{value:?}"))
    }

    /// Begins each line with a name.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    fn writing(write: impl Fn(&T, &mut String) -> std::fmt::Result + Send + Sync + 'static) -> Self {
        // Writing to a string cannot fail; a value's own `fmt` may, and then its line holds what it wrote.
        let format = move |value: &T, line: &mut String| {
            let _ = write(value, line);
        };
        Self { format: Arc::new(format), prefix: None }
    }

    fn line_start(&self, ctx: &SinkContext) -> String {
        match (&self.prefix, ctx.parallelism) {
            (None, 1) => String::new(),
            (None, _) => format!("{}> ", ctx.subtask),
            (Some(prefix), 1) => format!("{prefix}> "),
            (Some(prefix), _) => format!("{prefix}:{}> ", ctx.subtask),
        }
    }
}

impl<T: Data> Sink for PrintSink<T> {
    type In = T;
    type Committable = ();
    type Writer = PrintWriter<T>;
    type Committer = NoCommitter;

    fn name(&self) -> String {
        "print".to_owned()
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce
    }

    fn writer(&self, ctx: SinkContext) -> Result<PrintWriter<T>, SinkError> {
        Ok(PrintWriter { format: Arc::clone(&self.format), line_start: self.line_start(&ctx), text: String::new() })
    }

    fn committer(&self) -> Result<NoCommitter, SinkError> {
        Ok(NoCommitter)
    }
}

/// Prints the records of one subtask.
pub struct PrintWriter<T> {
    format: Format<T>,
    line_start: String,
    /// The lines of a batch; they are written in one go, so that those of several subtasks do not mix.
    text: String,
}

impl<T> PrintWriter<T> {
    fn render(&mut self, records: &mut Consume<'_, T>) {
        self.text.clear();
        for value in records {
            self.text.push_str(&self.line_start);
            (self.format)(&value, &mut self.text);
            self.text.push('\n');
        }
    }
}

impl<T: Data> SinkWriter for PrintWriter<T> {
    type In = T;
    type Committable = ();

    fn write(&mut self, records: &mut Consume<'_, T>) -> Result<(), SinkError> {
        self.render(records);
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(self.text.as_bytes())
            .and_then(|()| stdout.flush())
            .map_err(|error| SinkError::Io { what: "cannot print to standard output".to_owned(), error })
    }

    fn prepare_commit(&mut self) -> Result<Vec<()>, SinkError> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Batch;
    use crate::time::ManualClock;

    #[track_caller]
    fn check(sink: PrintSink<u64>, parallelism: usize, expected: &str) {
        let ctx = SinkContext::new(0, parallelism, Arc::new(ManualClock::default()));
        let mut writer = sink.writer(ctx).unwrap();
        let mut batch = Batch::new();
        [7, 8].into_iter().for_each(|value| batch.push(value));
        writer.render(&mut batch.consume());
        assert_eq!(writer.text, expected);
    }

    #[test]
    fn lines_say_which_of_several_subtasks_printed_them() {
        check(PrintSink::display(), 1, "7\n8\n");
        check(PrintSink::debug(), 2, "0> 7\n0> 8\n");
        check(PrintSink::display().prefix("n"), 1, "n> 7\nn> 8\n");
        check(PrintSink::new(|value| value * 10).prefix("n"), 2, "n:0> 70\nn:0> 80\n");
    }
}
