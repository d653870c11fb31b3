//! Where a source subtask gets its batches from: a reader called in place, or one with a thread of its own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::time::Duration;

use crate::actor::threads;
use crate::connector::{Read, ReadBuffer, Reader, ReaderContext, Source, SourceError};
use crate::error::{Cause, Site, TaskError, blame};
use crate::observe::OperatorMetrics;
use crate::operator::Wake;

/// Buffers that circulate between a reader's thread and its subtask.
const BUFFERS: usize = 3;

/// What a reader did.
pub(crate) struct Fed<S: Source> {
    pub(crate) read: Read,
    /// The split's position after the read.
    pub(crate) position: Option<S::Split>,
    pub(crate) buffer: ReadBuffer<S::Out>,
}

/// A reader, wherever it runs.
pub(crate) enum Feed<S: Source> {
    InPlace { reader: S::Reader, spare: Option<ReadBuffer<S::Out>>, metrics: Arc<OperatorMetrics> },
    Thread { commands: Sender<Command<S>>, results: Receiver<Result<Fed<S>, Box<TaskError>>> },
}

pub(crate) enum Command<S: Source> {
    Add(S::Split),
    Recycle(ReadBuffer<S::Out>),
    Hold(BTreeSet<Arc<str>>),
    Completed(Vec<S::Split>),
}

impl<S: Source> Feed<S> {
    pub(crate) fn start(
        source: &Arc<S>,
        ctx: ReaderContext,
        waker: Arc<dyn Wake>,
        metrics: Arc<OperatorMetrics>,
    ) -> Result<Self, SourceError> {
        if !source.may_block() {
            return Ok(Self::InPlace { reader: source.reader(ctx)?, spare: Some(ReadBuffer::default()), metrics });
        }
        let (commands, command_queue) = mpsc::channel();
        let (result_queue, results) = mpsc::channel();
        let source = Arc::clone(source);
        let name = format!("reader-{}", ctx.subtask);
        threads::spawn(&name, move || {
            // The subtask learns of a failure, and of a reader that is gone, by being woken.
            let thread = ReaderThread { commands: command_queue, results: result_queue, waker, metrics };
            thread.run(&*source, ctx);
        })
        .map_err(|error| SourceError::Io { what: "cannot start a reader thread".to_owned(), error })?;
        Ok(Self::Thread { commands, results })
    }

    pub(crate) fn add(&mut self, split: S::Split) -> Result<(), SourceError> {
        match self {
            Self::InPlace { reader, .. } => reader.add(split),
            Self::Thread { commands, .. } => {
                // A thread that is gone has left its error in the results.
                let _ = commands.send(Command::Add(split));
                Ok(())
            }
        }
    }

    /// Tells the reader that a snapshot is complete.
    pub(crate) fn completed(&mut self, positions: Vec<S::Split>) {
        match self {
            Self::InPlace { reader, .. } => reader.completed(positions),
            Self::Thread { commands, .. } => {
                let _ = commands.send(Command::Completed(positions));
            }
        }
    }

    /// Has the reader leave these splits out, if it can.
    pub(crate) fn hold(&mut self, splits: BTreeSet<Arc<str>>) -> Result<(), SourceError> {
        match self {
            Self::InPlace { reader, .. } => reader.hold(&splits).map(drop),
            Self::Thread { commands, .. } => {
                let _ = commands.send(Command::Hold(splits));
                Ok(())
            }
        }
    }

    /// The next batch; `None` if the reader's thread has nothing ready.
    pub(crate) fn poll(&mut self) -> Result<Option<Fed<S>>, Box<TaskError>> {
        match self {
            Self::InPlace { reader, spare, metrics } => {
                let mut buffer = spare.take().unwrap_or_default();
                let read = reader.read(&mut buffer).map_err(|error| TaskError::at(Site::default(), error))?;
                reader.report(&metrics.user);
                let position = position(reader, &read);
                Ok(Some(Fed { read, position, buffer }))
            }
            Self::Thread { results, .. } => match results.try_recv() {
                Ok(result) => result.map(Some),
                Err(TryRecvError::Empty) => Ok(None),
                Err(TryRecvError::Disconnected) => {
                    let cause = Cause::Internal("the reader's thread is gone".to_owned());
                    Err(TaskError::at(Site::default(), cause))
                }
            },
        }
    }

    /// Gives a buffer back to be filled again.
    pub(crate) fn recycle(&mut self, mut buffer: ReadBuffer<S::Out>) {
        buffer.clear();
        match self {
            Self::InPlace { spare, .. } => *spare = Some(buffer),
            Self::Thread { commands, .. } => {
                let _ = commands.send(Command::Recycle(buffer));
            }
        }
    }
}

fn position<R: Reader>(reader: &R, read: &Read) -> Option<R::Split> {
    match read {
        Read::From(split) => reader.position(split),
        Read::EndOf(_) | Read::NothingIn(_) | Read::Nothing(_) | Read::Paused(_) | Read::NoSplits => None,
    }
}

struct ReaderThread<S: Source> {
    commands: Receiver<Command<S>>,
    results: Sender<Result<Fed<S>, Box<TaskError>>>,
    waker: Arc<dyn Wake>,
    metrics: Arc<OperatorMetrics>,
}

/// Wakes the subtask when a reader's thread ends, however it ends.
struct WakeAtEnd(Arc<dyn Wake>);

impl Drop for WakeAtEnd {
    fn drop(&mut self) {
        self.0.wake();
    }
}

impl<S: Source> ReaderThread<S> {
    fn run(self, source: &S, ctx: ReaderContext) {
        let wake_at_end = WakeAtEnd(Arc::clone(&self.waker));
        let read = blame::catch(|| self.read_all(source, ctx).map_err(|error| TaskError::at(Site::default(), error)));
        if let Err(error) = read {
            let _ = self.results.send(Err(error));
        }
        // The subtask must see the queue closed when it is woken.
        drop(self.results);
        drop(wake_at_end);
    }

    /// Reads until the subtask is gone.
    fn read_all(&self, source: &S, ctx: ReaderContext) -> Result<(), SourceError> {
        let mut reader = source.reader(ctx)?;
        let mut buffers: Vec<ReadBuffer<S::Out>> = (0..BUFFERS).map(|_| ReadBuffer::default()).collect();
        let mut splits = 0usize;
        let mut pause: Option<Duration> = None;
        let mut said_nothing = false;
        loop {
            let idle = splits == 0 || buffers.is_empty();
            match self.command(idle, pause.take()) {
                Err(Gone) => return Ok(()),
                Ok(Some(Command::Add(split))) => {
                    reader.add(split)?;
                    splits += 1;
                    // Whether the new split is silent too has not been said yet.
                    said_nothing = false;
                    continue;
                }
                Ok(Some(Command::Hold(splits))) => {
                    reader.hold(&splits)?;
                    said_nothing = false;
                    continue;
                }
                Ok(Some(Command::Recycle(buffer))) => {
                    buffers.push(buffer);
                    continue;
                }
                Ok(Some(Command::Completed(positions))) => {
                    reader.completed(positions);
                    continue;
                }
                Ok(None) => {}
            }
            let Some(mut buffer) = buffers.pop() else { continue };
            let read = reader.read(&mut buffer)?;
            reader.report(&self.metrics.user);
            let position = position(&reader, &read);
            match &read {
                Read::From(_) => said_nothing = false,
                Read::NothingIn(_) => {}
                Read::EndOf(_) => splits = splits.saturating_sub(1),
                Read::NoSplits => splits = 0,
                Read::Nothing(wait) | Read::Paused(wait) => pause = Some(*wait),
            }
            // Silence is said once, or it would pile up in front of a blocked subtask.
            let repeated = matches!(read, Read::Nothing(_)) && std::mem::replace(&mut said_nothing, true);
            if repeated || matches!(read, Read::Paused(_)) {
                buffers.push(buffer);
            } else if self.results.send(Ok(Fed { read, position, buffer })).is_err() {
                return Ok(());
            } else {
                self.waker.wake();
            }
        }
    }

    /// The next command: waits for one if there is nothing else to do, at most for the pause otherwise.
    fn command(&self, idle: bool, pause: Option<Duration>) -> Result<Option<Command<S>>, Gone> {
        if idle {
            return self.commands.recv().map(Some).map_err(|_| Gone);
        }
        match self.commands.recv_timeout(pause.unwrap_or(Duration::ZERO)) {
            Ok(command) => Ok(Some(command)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Gone),
        }
    }
}

/// The subtask is gone.
struct Gone;

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::connector::{Assignment, Boundedness, Enumerator, IndexEnumerator, IndexEnumeratorState, IndexSplit};

    /// A source whose splits have nothing to read.
    struct Silent;

    impl Source for Silent {
        type Out = u64;
        type Split = IndexSplit;
        type Enumerator = IndexEnumerator;
        type Reader = SilentReader;

        fn name(&self) -> String {
            "silent".to_owned()
        }

        fn boundedness(&self) -> Boundedness {
            Boundedness::Unbounded
        }

        fn enumerator(&self, restored: Option<IndexEnumeratorState>) -> Result<IndexEnumerator, SourceError> {
            Ok(IndexEnumerator::new(2, restored))
        }

        fn reader(&self, _: ReaderContext) -> Result<SilentReader, SourceError> {
            Ok(SilentReader)
        }
    }

    struct SilentReader;

    impl Reader for SilentReader {
        type Out = u64;
        type Split = IndexSplit;

        fn add(&mut self, _: IndexSplit) -> Result<(), SourceError> {
            Ok(())
        }

        fn read(&mut self, _: &mut ReadBuffer<u64>) -> Result<Read, SourceError> {
            Ok(Read::Nothing(Duration::from_millis(1)))
        }

        fn position(&self, _: &str) -> Option<IndexSplit> {
            None
        }
    }

    struct Notify(Sender<()>);

    impl Wake for Notify {
        fn wake(&self) {
            let _ = self.0.send(());
        }
    }

    #[test]
    fn silence_is_said_again_when_there_is_another_split() {
        let source = Arc::new(Silent);
        let mut enumerator = source.enumerator(None).unwrap();
        let (wakes, woken) = channel();
        let ctx = ReaderContext { subtask: 0, parallelism: 1 };
        let mut feed =
            Feed::start(&source, ctx, Arc::new(Notify(wakes)), OperatorMetrics::new(0, "silent", 0)).unwrap();
        for subtask in [0, 1] {
            let Assignment::Splits(splits) = enumerator.next(&ReaderContext { subtask, parallelism: 2 }) else {
                panic!("a split for each reader")
            };
            splits.into_iter().for_each(|split| feed.add(split).unwrap());
            woken.recv_timeout(Duration::from_secs(20)).expect("the reader says that there is nothing");
            let fed = feed.poll().unwrap().expect("just woken");
            assert!(matches!(fed.read, Read::Nothing(_)));
            feed.recycle(fed.buffer);
        }
        assert!(woken.recv_timeout(Duration::from_millis(20)).is_err(), "silence is said once");
    }
}
