//! The thread of a source's enumerator.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};

use crate::actor::threads;
use crate::connector::{ReaderContext, SourceError};
use crate::error::blame;
use crate::state::StateError;
use crate::task::{Answer, AnyEnumerator};

/// Takes the enumerator's answer to the subtask that has asked.
type Reply = Box<dyn Fn(Answer) + Send>;

/// Takes the enumerator's state.
type TakeState = Box<dyn FnOnce(Result<Vec<u8>, StateError>) + Send>;

struct Request {
    reader: ReaderContext,
    reply: Reply,
}

enum Command {
    Next(Request),
    /// Hands over the state, before anything else is assigned.
    Snapshot(TakeState),
}

/// Asks an enumerator for splits. The thread ends when all handles are gone.
#[derive(Clone)]
pub(crate) struct EnumeratorHandle {
    commands: Sender<Command>,
}

impl EnumeratorHandle {
    /// Starts the thread of an enumerator that has discovered its first splits. `failed` hears of a later discovery
    /// that fails, and of a panic.
    pub(crate) fn start(
        enumerator: Box<dyn AnyEnumerator>,
        failed: impl FnOnce(SourceError) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (commands, queue) = mpsc::channel();
        threads::spawn("enumerator", move || {
            if let Err(error) = blame::catch_as(SourceError::Panicked, || serve(enumerator, &queue)) {
                failed(error);
            }
        })?;
        Ok(Self { commands })
    }

    /// Asks for splits; the reply may come more than once: `Later` first, then splits.
    pub(crate) fn request(&self, subtask: usize, parallelism: usize, reply: Reply) {
        let request = Request { reader: ReaderContext { subtask, parallelism }, reply };
        // The thread is gone only if the enumerator has failed, which ends the job.
        let _ = self.commands.send(Command::Next(request));
    }

    /// Asks for the state. Splits that are assigned after `take` has been called are not in it.
    pub(crate) fn snapshot(&self, take: TakeState) {
        let _ = self.commands.send(Command::Snapshot(take));
    }
}

fn serve(mut enumerator: Box<dyn AnyEnumerator>, commands: &Receiver<Command>) -> Result<(), SourceError> {
    let mut waiting: Vec<Request> = Vec::new();
    loop {
        let command = match enumerator.discovery_interval() {
            None => commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(interval) => commands.recv_timeout(interval),
        };
        match command {
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Ok(Command::Snapshot(take)) => take(enumerator.snapshot()),
            Ok(Command::Next(request)) => {
                let answer = enumerator.next(&request.reader);
                let later = matches!(answer, Answer::Later);
                (request.reply)(answer);
                if later {
                    waiting.push(request);
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                enumerator.discover()?;
                waiting.retain(|request| match enumerator.next(&request.reader) {
                    Answer::Later => true,
                    answer => {
                        (request.reply)(answer);
                        false
                    }
                });
            }
        }
    }
}
