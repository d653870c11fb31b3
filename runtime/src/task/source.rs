//! The head of a source's chain: reads batches, keeps the splits' positions, says when it has ended.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Answer;
use super::feed::{Fed, Feed};
use crate::channel::Origin;
use crate::checkpoint::CheckpointId;
use crate::connector::{Read, ReaderContext, Source, SourceError, Split};
use crate::error::{Cause, Site, TaskError};
use crate::graph::{Downstream, NodeContext};
use crate::operator::{Output, OutputTag, Progress, Signal, SplitStart, Stop, TaskInfo};
use crate::state::{StateError, TaskCapture, TaskSnapshot};
use crate::time::Timestamp;

/// Where a source's malformed records go, if its policy says so: what is wrong and where, and the record's text.
pub(crate) const REJECTED: OutputTag<(String, String)> = OutputTag::new("rejected");

/// The list section of the splits that a subtask reads or is to read, with how far it has come.
pub(crate) const SPLITS: &str = "splits";

/// The list section of who reads them.
pub(crate) const SPLIT_READERS: &str = "split-readers";

/// Of how many barriers it is remembered how far the splits had come.
const MAX_PASSED: usize = 16;

/// Who reads a split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SplitReader {
    split: String,
    subtask: usize,
    parallelism: usize,
}

/// What a step of a source did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SourceStep {
    /// Something; step again.
    Progress,
    /// Nothing to read until woken or until this instant in processing time.
    Waiting(Timestamp),
    /// All was read and handed on.
    Ended,
}

/// A source's end of a chain, whatever the source.
pub(crate) trait SourceTask {
    fn open(&mut self) -> Progress;
    fn step(&mut self) -> Result<SourceStep, Stop>;
    fn assign(&mut self, answer: Answer);
    fn signal(&mut self, signal: &Signal) -> Progress;
    /// The snapshot of a barrier is complete.
    fn completed(&mut self, id: CheckpointId);
    fn snapshot(&mut self, to: &mut TaskCapture) -> Result<(), StateError>;
    fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError>;
}

struct Assigned<P> {
    position: P,
    /// What the split's batches carry.
    origin: Origin,
}

/// Drives the reader of one subtask.
pub(crate) struct SourceDriver<S: Source> {
    uid: Arc<str>,
    source: Arc<S>,
    out: Output<S::Out>,
    request_splits: Rc<dyn Fn()>,
    feed: Option<Feed<S>>,
    splits: BTreeMap<Arc<str>, Assigned<S::Split>>,
    /// Splits to be read once the feed has started: assigned early, or of a restored snapshot.
    waiting: Vec<S::Split>,
    next_number: u32,
    /// The splits that the reader has been told to leave out, by number.
    held: Rc<BTreeSet<u32>>,
    /// Signals to be handed on before anything else.
    pending: VecDeque<Signal>,
    /// Whether the enumerator has been asked and has not given splits since.
    requested: bool,
    /// Whether it has answered at all.
    answered: bool,
    /// The enumerator has said that there will be no more splits.
    no_more_splits: bool,
    /// Whether the chain has been told that there is nothing to read.
    silent: bool,
    ended: bool,
    /// How far each split had come at the barriers whose snapshots are not known to be complete; the oldest first.
    passed: VecDeque<(CheckpointId, Vec<S::Split>)>,
}

impl<S: Source> SourceDriver<S> {
    pub(crate) fn new(source: Arc<S>, ctx: &NodeContext, downstream: Downstream) -> Self {
        Self {
            uid: Arc::clone(&ctx.uid),
            source,
            out: downstream.output(ctx),
            request_splits: Rc::clone(&ctx.request_splits),
            feed: None,
            splits: BTreeMap::new(),
            waiting: Vec::new(),
            next_number: 0,
            held: Rc::default(),
            pending: VecDeque::new(),
            requested: false,
            answered: false,
            no_more_splits: false,
            silent: false,
            ended: false,
            passed: VecDeque::new(),
        }
    }

    fn failed(&self, error: impl Into<Cause>) -> Stop {
        self.named(TaskError::at(Site::default(), error))
    }

    fn named(&self, mut error: Box<TaskError>) -> Stop {
        error.operator.clone_from(&self.out.metrics.name);
        error.into()
    }

    fn feed(&mut self) -> Result<&mut Feed<S>, Stop> {
        if self.feed.is_none() {
            let info = &self.out.task.info;
            let ctx = ReaderContext { subtask: info.subtask, parallelism: info.parallelism };
            let started =
                Feed::start(&self.source, ctx, Arc::clone(&self.out.task.waker), Arc::clone(&self.out.metrics));
            self.feed = Some(started.map_err(|error| self.failed(error))?);
        }
        Ok(self.feed.as_mut().expect("invariant: set above"))
    }

    fn begin_waiting_splits(&mut self) -> Progress {
        let mut started = Vec::new();
        for split in std::mem::take(&mut self.waiting) {
            let described = split.clone();
            let origin = Origin::new(self.next_number, split.name(), move |position| described.place(position));
            let id: Arc<str> = split.id().into();
            started.push(SplitStart { number: origin.split(), id: Arc::clone(&id) });
            let assigned = Assigned { position: split.clone(), origin };
            self.next_number += 1;
            self.splits.insert(id, assigned);
            self.feed()?.add(split).map_err(|error| self.failed(error))?;
        }
        if !started.is_empty() {
            self.pending.push_back(Signal::SplitsStart(started.into()));
        }
        Ok(())
    }

    /// Tells the reader which splits to leave out, if that has changed; answers whether these are all.
    fn hold(&mut self) -> Result<bool, Stop> {
        let held = self.out.task.held_splits();
        if !Rc::ptr_eq(&held, &self.held) {
            let ids = self.splits.iter().filter(|(_, split)| held.contains(&split.origin.split()));
            let ids = ids.map(|(id, _)| Arc::clone(id)).collect();
            self.feed()?.hold(ids).map_err(|error| self.failed(error))?;
            self.held = held;
        }
        Ok(self.splits.values().all(|split| self.held.contains(&split.origin.split())))
    }

    fn hand_on_pending(&mut self) -> Progress {
        self.out.flush()?;
        while let Some(signal) = self.pending.front() {
            self.out.signal(signal)?;
            self.ended |= *signal == Signal::End;
            self.pending.pop_front();
        }
        Ok(())
    }

    /// Takes what the reader has read into the chain.
    fn take(&mut self, fed: Fed<S>) -> Result<SourceStep, Stop> {
        let Fed { read, position, mut buffer } = fed;
        self.out.metrics.records_failed.add(buffer.skipped);
        for (place, raw) in buffer.rejected.drain(..) {
            self.out.metrics.records_failed.add(1);
            self.out.sides.emit(REJECTED, (place, raw), Timestamp::MIN);
        }
        let step = match read {
            Read::From(id) | Read::EndOf(id) if !self.splits.contains_key(&id) => {
                let reason = format!("the reader has read split `{id}`, which it was not given");
                return Err(self.failed(SourceError::Invalid(reason)));
            }
            Read::From(id) => {
                self.silent = false;
                let split = self.splits.get_mut(&id).expect("invariant: checked above");
                if let Some(position) = position {
                    split.position = position;
                }
                buffer.batch.set_origin(Some(split.origin.clone()));
                SourceStep::Progress
            }
            Read::EndOf(id) => {
                let split = self.splits.remove(&id).expect("invariant: checked above");
                self.pending.push_back(Signal::SplitEnd(split.origin.split()));
                buffer.batch.set_origin(Some(split.origin));
                SourceStep::Progress
            }
            Read::NothingIn(id) => {
                let split = self.splits.get(&id);
                self.pending.extend(split.map(|split| Signal::SplitIdle(split.origin.split())));
                SourceStep::Progress
            }
            Read::Nothing(wait) => {
                if !std::mem::replace(&mut self.silent, true) {
                    // Those that are held would perhaps say something.
                    let numbers = self.splits.values().map(|split| split.origin.split());
                    let silent = numbers.filter(|number| !self.held.contains(number));
                    self.pending.extend(silent.map(Signal::SplitIdle));
                }
                self.waiting_for(wait)
            }
            Read::Paused(wait) => self.waiting_for(wait),
            Read::NoSplits => self.ask_or_end(),
        };
        if !buffer.batch.is_empty() {
            self.out.metrics.records_in.add(buffer.batch.len() as u64);
            std::mem::swap(&mut buffer.batch, &mut self.out.collector.batch);
        }
        self.feed()?.recycle(buffer);
        self.hand_on_pending()?;
        Ok(step)
    }

    fn waiting_for(&self, wait: Duration) -> SourceStep {
        // A reader with a thread waits there, and wakes the subtask itself.
        SourceStep::Waiting(match self.feed {
            Some(Feed::InPlace { .. }) => self.out.task.clock.now().saturating_add(wait),
            _ => Timestamp::MAX,
        })
    }

    fn ask_or_end(&mut self) -> SourceStep {
        if self.no_more_splits {
            self.pending.extend([Signal::Watermark(Timestamp::MAX), Signal::End]);
            return SourceStep::Progress;
        }
        self.request();
        SourceStep::Waiting(Timestamp::MAX)
    }

    fn request(&mut self) {
        if !self.no_more_splits && !std::mem::replace(&mut self.requested, true) {
            (self.request_splits)();
        }
    }
}

/// The splits of a snapshot that are this subtask's: its own again, so that it goes on from where it was, or at another
/// parallelism its share.
fn own_splits<S: Split>(splits: Vec<S>, readers: &[SplitReader], (subtask, parallelism): (usize, usize)) -> Vec<S> {
    let readers: BTreeMap<&str, &SplitReader> = readers.iter().map(|reader| (reader.split.as_str(), reader)).collect();
    let before = |split: &S| readers.get(split.id()).filter(|reader| reader.parallelism == parallelism);
    let reader = |(at, split): &(usize, S)| before(split).map_or(at % parallelism, |reader| reader.subtask);
    splits.into_iter().enumerate().filter(|split| reader(split) == subtask).map(|(_, split)| split).collect()
}

impl<S: Source> SourceTask for SourceDriver<S> {
    fn open(&mut self) -> Progress {
        self.out.open()
    }

    fn step(&mut self) -> Result<SourceStep, Stop> {
        if self.source.assigns_ahead() {
            self.request();
            if !self.answered {
                return Ok(SourceStep::Waiting(Timestamp::MAX));
            }
        }
        // Before anything is read, the chain knows of all splits that will be.
        self.begin_waiting_splits()?;
        self.hand_on_pending()?;
        if self.ended {
            return Ok(SourceStep::Ended);
        }
        if self.splits.is_empty() {
            let step = self.ask_or_end();
            self.hand_on_pending()?;
            return Ok(if self.ended { SourceStep::Ended } else { step });
        }
        if self.hold()? {
            return Ok(SourceStep::Waiting(Timestamp::MAX));
        }
        match self.feed()?.poll().map_err(|error| self.named(error))? {
            Some(fed) => self.take(fed),
            None => Ok(SourceStep::Waiting(Timestamp::MAX)),
        }
    }

    fn assign(&mut self, answer: Answer) {
        self.answered = true;
        match answer {
            Answer::Splits(splits) => {
                let splits: Box<Vec<S::Split>> =
                    (splits as Box<dyn Any>).downcast().expect("invariant: a source's enumerator hands out its splits");
                self.waiting.extend(*splits);
                self.requested = false;
                if std::mem::replace(&mut self.silent, false) {
                    self.pending.push_back(Signal::Active);
                }
            }
            // Others are being read.
            Answer::Later if !self.splits.is_empty() || !self.waiting.is_empty() => {}
            Answer::Later => {
                if !std::mem::replace(&mut self.silent, true) {
                    self.pending.push_back(Signal::Idle);
                }
            }
            Answer::End => self.no_more_splits = true,
        }
    }

    fn signal(&mut self, signal: &Signal) -> Progress {
        // What was read comes before the signal.
        self.out.flush()?;
        self.out.signal(signal)?;
        if let Signal::Barrier(barrier) = signal {
            if self.passed.len() == MAX_PASSED {
                self.passed.pop_front();
            }
            let positions = self.splits.values().map(|split| split.position.clone());
            self.passed.push_back((barrier.id, positions.collect()));
        }
        Ok(())
    }

    fn completed(&mut self, id: CheckpointId) {
        let mut latest = None;
        while let Some((_, positions)) = self.passed.pop_front_if(|(passed, _)| *passed <= id) {
            latest = Some(positions);
        }
        if let (Some(positions), Some(feed)) = (latest, &mut self.feed) {
            feed.completed(positions);
        }
    }

    fn snapshot(&mut self, to: &mut TaskCapture) -> Result<(), StateError> {
        let operator = to.operator(&self.uid);
        let TaskInfo { subtask, parallelism, .. } = self.out.task.info;
        for split in self.splits.values().map(|split| &split.position).chain(&self.waiting) {
            operator.push(SPLITS, split)?;
            operator.push(SPLIT_READERS, &SplitReader { split: split.id().to_owned(), subtask, parallelism })?;
        }
        self.out.snapshot(to)
    }

    fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError> {
        if let Some(operator) = from.get(&self.uid) {
            let splits: Vec<S::Split> = operator.list(SPLITS)?;
            let TaskInfo { subtask, parallelism, .. } = self.out.task.info;
            self.waiting = own_splits(splits, &operator.list(SPLIT_READERS)?, (subtask, parallelism));
        }
        self.out.restore(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::{Assignment, Enumerator, IndexEnumerator, IndexSplit};

    fn splits(count: usize) -> Vec<IndexSplit> {
        let mut enumerator = IndexEnumerator::new(100, None);
        let of = |subtask| match enumerator.next(&ReaderContext { subtask, parallelism: count }) {
            Assignment::Splits(splits) => splits,
            other => panic!("no splits but {other:?}"),
        };
        (0..count).flat_map(of).collect()
    }

    fn ids(splits: Vec<IndexSplit>, readers: &[SplitReader], subtask: (usize, usize)) -> Vec<String> {
        own_splits(splits, readers, subtask).iter().map(|split| split.id().to_owned()).collect()
    }

    #[test]
    fn a_subtask_gets_its_own_splits_again_though_others_have_read_theirs() {
        let left = splits(2).split_off(1);
        let readers = [SplitReader { split: "1 of 2".to_owned(), subtask: 1, parallelism: 2 }];
        assert!(ids(left.clone(), &readers, (0, 2)).is_empty());
        assert_eq!(ids(left, &readers, (1, 2)), ["1 of 2"]);
    }

    #[test]
    fn at_another_parallelism_splits_are_dealt_out() {
        let readers: Vec<_> = splits(3)
            .iter()
            .map(|split| SplitReader { split: split.id().to_owned(), subtask: 0, parallelism: 3 })
            .collect();
        for readers in [&readers[..], &[]] {
            assert_eq!(ids(splits(3), readers, (0, 2)), ["0 of 3", "2 of 3"]);
            assert_eq!(ids(splits(3), readers, (1, 2)), ["1 of 3"]);
        }
    }
}
