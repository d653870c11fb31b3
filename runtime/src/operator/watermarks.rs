//! Gives records event times and a stream its watermarks.
//!
//! Each split of the source has a generator of its own; their watermarks are merged by minimum, silent splits left out.
//! A split holds the watermark back from when it is assigned, so that none of its records is late because the reader
//! has read another split first.
//! Watermarks from further up are replaced, except the last one, which says that event time has ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::TaskContext;
use super::stage::{Output, Progress, Signal, SplitStart, Stage};
use crate::channel::{Batch, Origin};
use crate::data::Data;
use crate::error::blame;
use crate::graph::{Downstream, NodeContext};
use crate::state::{StateError, TaskCapture, TaskSnapshot, WATERMARK};
use crate::time::watermark::EventTime;
use crate::time::{Member, Timestamp, WatermarkGenerator, WatermarkStrategy};

/// The split of records that do not say theirs.
const NO_SPLIT: u32 = u32::MAX;
/// What stands for its id.
const NO_SPLIT_ID: &str = "";

struct SplitWatermark<T> {
    generator: Box<dyn WatermarkGenerator<T>>,
    /// By which the split is found again in a snapshot.
    id: Arc<str>,
    watermark: Timestamp,
    silent_since: Option<Timestamp>,
    idle: bool,
}

impl<T> SplitWatermark<T> {
    fn raise(&mut self, watermark: Option<Timestamp>) {
        self.watermark = self.watermark.max(watermark.unwrap_or(Timestamp::MIN));
    }
}

/// The stage that assigns event times and generates watermarks.
pub(crate) struct WatermarkStage<T: Data> {
    uid: Arc<str>,
    strategy: WatermarkStrategy<T>,
    out: Output<T>,
    splits: BTreeMap<u32, SplitWatermark<T>>,
    /// Watermarks of a snapshot, by split, until the source has said which of these are read here.
    restored: BTreeMap<Arc<str>, Timestamp>,
    emitted: Timestamp,
    idle: bool,
    /// A watermark or idleness that could not be handed on yet.
    owed: Option<Signal>,
    /// Whether the batch at hand has its event times.
    stamped: bool,
    /// Its place among the sources that wait for one another.
    member: Option<Member>,
    /// Whether a periodic call has been asked for.
    armed: bool,
}

impl<T: Data> WatermarkStage<T> {
    pub(crate) fn new(strategy: WatermarkStrategy<T>, ctx: &NodeContext, downstream: Downstream) -> Self {
        let member = strategy.alignment.as_ref().map(|alignment| ctx.task.alignment.join(&alignment.group));
        Self {
            uid: Arc::clone(&ctx.uid),
            strategy,
            member,
            out: downstream.output(ctx),
            splits: BTreeMap::new(),
            restored: BTreeMap::new(),
            emitted: Timestamp::MIN,
            idle: false,
            owed: None,
            stamped: false,
            armed: false,
        }
    }

    fn task(&self) -> &TaskContext {
        &self.out.task
    }

    fn stamp(&mut self, batch: &mut Batch<T>) {
        match &self.strategy.event_time {
            EventTime::AsIs => {}
            EventTime::Assigned(assigner) => batch.assign_times(|values, times| assigner.assign(values, times)),
            EventTime::Ingestion => {
                let now = self.task().clock.now();
                batch.assign_times(|values, times| {
                    times.clear();
                    times.resize(values.len(), now);
                });
            }
        }
    }

    /// A split that from now on holds the watermark back.
    fn start(&mut self, number: u32, id: Arc<str>) {
        let watermark = self.restored.remove(&id).unwrap_or(Timestamp::MIN);
        let generator = (self.strategy.generator)();
        self.splits.insert(number, SplitWatermark { generator, id, watermark, silent_since: None, idle: false });
    }

    /// The number of a batch's split, which counts as active from now on.
    fn split_of(&mut self, batch: &Batch<T>) -> u32 {
        let number = batch.origin().map_or(NO_SPLIT, Origin::split);
        if !self.splits.contains_key(&number) {
            debug_assert_eq!(number, NO_SPLIT, "a source says which splits it will read");
            self.start(number, NO_SPLIT_ID.into());
        }
        if let Some(split) = self.splits.get_mut(&number) {
            split.silent_since = None;
            split.idle = false;
        }
        number
    }

    fn arm(&mut self) {
        if !std::mem::replace(&mut self.armed, true) {
            let next = self.task().clock.now().saturating_add(self.strategy.interval);
            self.task().wake_at(next);
        }
    }

    /// Hands on what is owed, then the merged watermark or idleness if it has changed.
    fn hand_on(&mut self) -> Progress {
        self.out.flush()?;
        if self.task().is_batch() {
            return Ok(());
        }
        loop {
            if let Some(signal) = &self.owed {
                self.out.signal(signal)?;
                self.owed = None;
            }
            let idle = !self.splits.is_empty() && self.splits.values().all(|split| split.idle);
            if self.idle && !idle {
                self.idle = false;
                self.owed = Some(Signal::Active);
                continue;
            }
            let reached = match (idle, self.idle) {
                (false, _) => self.splits.values().filter(|split| !split.idle).map(|split| split.watermark).min(),
                // Nobody is waited for any more, so it does not matter which of them was idle first.
                (true, false) => self.splits.values().map(|split| split.watermark).max(),
                (true, true) => None,
            };
            match reached {
                Some(watermark) if watermark > self.emitted => {
                    self.emitted = watermark;
                    self.out.metrics.set_watermark(watermark);
                    self.owed = Some(Signal::Watermark(watermark));
                }
                // Last, since a watermark says that there is somebody.
                _ if idle && !self.idle => {
                    self.idle = true;
                    self.owed = Some(Signal::Idle);
                }
                _ => return Ok(()),
            }
        }
    }

    /// Records up to and with the first after which the generator wants a watermark go to the output.
    fn take_until_watermark(&mut self, number: u32, batch: &mut Batch<T>) {
        let Some(split) = self.splits.get_mut(&number) else { return };
        self.out.collector.set_origin(batch.origin());
        let mut records = batch.consume();
        while let Some(value) = records.next_value() {
            let time = records.time();
            let watermark = split.generator.observe(&value, time);
            self.out.collector.at_record(time, records.position());
            self.out.collector.emit(value);
            if watermark.is_some_and(|watermark| watermark > split.watermark) {
                split.raise(watermark);
                return;
            }
        }
    }

    fn on_processing_time(&mut self, now: Timestamp) {
        self.armed = false;
        for split in self.splits.values_mut() {
            let watermark = split.generator.periodic();
            split.raise(watermark);
        }
        self.check_idle(now);
        self.align();
        // Asked for again by the next record, or by a split whose silence is still to be judged.
        if self.splits.values().any(|split| split.silent_since.is_some() && !split.idle) {
            self.arm_idle_check();
        }
    }

    /// Has the source leave out splits that are too far ahead of others.
    fn align(&mut self) {
        let (Some(member), Some(alignment), false) = (&self.member, &self.strategy.alignment, self.task().is_batch())
        else {
            return;
        };
        let active = || self.splits.iter().filter(|(_, split)| !split.idle);
        let lowest = active().map(|(_, split)| split.watermark).min();
        let group = member.report(lowest);
        let limit = group.map_or(Timestamp::MAX, |lowest| lowest.saturating_add(alignment.max_drift));
        let held = active().filter(|(_, split)| split.watermark > limit).map(|(number, _)| *number);
        self.task().hold_splits(held.collect());
        // Others go on, whether records come here or not.
        if !self.splits.is_empty() {
            self.arm();
        }
    }

    fn check_idle(&mut self, now: Timestamp) {
        let Some(timeout) = self.strategy.idle_after else { return };
        for split in self.splits.values_mut() {
            split.idle |= split.silent_since.is_some_and(|since| since.saturating_add(timeout) <= now);
        }
    }

    fn arm_idle_check(&self) {
        let Some(timeout) = self.strategy.idle_after else { return };
        let waiting = self.splits.values().filter(|split| !split.idle);
        if let Some(since) = waiting.filter_map(|split| split.silent_since).min() {
            self.task().wake_at(since.saturating_add(timeout));
        }
    }
}

impl<T: Data> Stage<T> for WatermarkStage<T> {
    fn push(&mut self, batch: &mut Batch<T>) -> Progress {
        let metrics = Arc::clone(&self.out.metrics);
        let _blame = blame::Operator(&metrics.name);
        self.hand_on()?;
        while !batch.is_empty() {
            if !self.stamped {
                metrics.records_in.add(batch.len() as u64);
                self.stamp(batch);
                self.stamped = true;
            }
            self.arm();
            let number = self.split_of(batch);
            let split = self.splits.get_mut(&number).expect("invariant: just found");
            if split.generator.observe_all(batch.times()) {
                self.stamped = false;
                self.out.take(batch);
            } else {
                self.take_until_watermark(number, batch);
                self.stamped = !batch.is_empty();
            }
            self.hand_on()?;
        }
        Ok(())
    }

    fn signal(&mut self, signal: &Signal) -> Progress {
        self.hand_on()?;
        match signal {
            Signal::Watermark(watermark) if *watermark < Timestamp::MAX => return Ok(()),
            Signal::Watermark(watermark) => self.out.metrics.set_watermark(*watermark),
            Signal::SplitsStart(splits) => {
                for SplitStart { number, id } in splits.iter() {
                    // The call may be a repeated one.
                    if !self.splits.contains_key(number) {
                        self.start(*number, Arc::clone(id));
                    }
                }
                // All restored splits start at once; the others are read elsewhere.
                self.restored.clear();
            }
            Signal::SplitIdle(number) => {
                let now = self.task().clock.now();
                if let Some(split) = self.splits.get_mut(number) {
                    split.silent_since.get_or_insert(now);
                }
                self.arm_idle_check();
            }
            Signal::SplitEnd(number) => {
                self.splits.remove(number);
                self.align();
            }
            // Nobody waits for a source that has ended.
            Signal::End => self.member = None,
            Signal::ProcessingTime(now) => self.on_processing_time(*now),
            _ => {}
        }
        self.hand_on()?;
        self.out.signal(signal)
    }

    fn open(&mut self) -> Progress {
        self.out.open()?;
        // What was restored, so that nothing behind waits for event time to get on before it knows how far it is.
        self.hand_on()
    }

    fn snapshot(&mut self, to: &mut TaskCapture) -> Result<(), StateError> {
        let operator = to.operator(&self.uid);
        let unseen = self.restored.iter().map(|(id, watermark)| (id, *watermark));
        for entry in self.splits.values().map(|split| (&split.id, split.watermark)).chain(unseen) {
            operator.push("split-watermarks", &entry)?;
        }
        operator.push(WATERMARK, &self.emitted)?;
        self.out.snapshot(to)
    }

    fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError> {
        if let Some(operator) = from.get(&self.uid) {
            self.restored = merged(operator.list("split-watermarks")?);
            self.emitted = operator.list::<Timestamp>(WATERMARK)?.into_iter().min().unwrap_or(Timestamp::MIN);
            if self.emitted > Timestamp::MIN {
                self.out.metrics.set_watermark(self.emitted);
                self.owed = Some(Signal::Watermark(self.emitted));
            }
        }
        self.out.restore(from)
    }
}

/// The watermarks of splits as several subtasks have written them.
fn merged(entries: Vec<(Arc<str>, Timestamp)>) -> BTreeMap<Arc<str>, Timestamp> {
    let mut merged: BTreeMap<Arc<str>, Timestamp> = BTreeMap::new();
    for (id, watermark) in entries {
        // A split has one reader, and all other subtasks know what it had when they were restored, which is lower. What
        // comes from no split comes from all over, and is as far as the slowest.
        let lower = &*id == NO_SPLIT_ID;
        let known = merged.entry(id).or_insert(watermark);
        *known = if lower { watermark.min(*known) } else { watermark.max(*known) };
    }
    merged
}
