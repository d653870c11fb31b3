//! The temporal join with its rows, driven by watermarks.
//!
//! What always holds: a record that is not late waits in its key's row until the watermark has passed it. A watermark takes the
//! keys that have something to do one by one out of a queue; if an output is full in the midst of a key's records, the rest of
//! them are in the row, and the key is in the queue again.

use std::sync::Arc;

use super::super::codec::JoinRow;
use super::super::side::LateSides;
use super::function::{ProcessTemporalJoin, TemporalContext};
use super::versions::{self, EndsValidity};
use crate::channel::Batch;
use crate::data::{Data, Key};
use crate::error::{Cause, Result, Site, TaskError, blame};
use crate::operator::keyed::{KeySelector, KeySelectors, ROWS_AHEAD};
use crate::operator::{Collector, Context, Operator, Output, Progress, Stop, TwoInputOperator};
use crate::state::{
    Due, DueKeys, KeyIndex, KeyedEntries, KeyedRows, OperatorCapture, OperatorSnapshot, RowId, StateError, StateSpec,
    StatesCodec, encode,
};
use crate::time::Timestamp;
use crate::window::Horizon;
use crate::window::Late;
use crate::window::unused::UnusedRows;

/// The section of keys with the instants at which they are looked at.
const DUE: &str = "due";

/// The records of a key that wait, and its versions.
type Row<J> = JoinRow<<J as ProcessTemporalJoin>::Left, <J as ProcessTemporalJoin>::Right>;

/// A temporal join with the records that wait and the versions of each key.
pub(crate) struct TemporalJoin<K: Key, J: ProcessTemporalJoin> {
    join: J,
    ends: EndsValidity<J::Right>,
    late: LateSides<J::Left, J::Right>,
    selectors: KeySelectors<K, J::Left, J::Right>,
    state: KeyedRows<K, StatesCodec<Row<J>>>,
    due: DueKeys<K>,
    horizon: Horizon,
    /// The rows of the batch at hand.
    resolved: Vec<RowId>,
    unused: UnusedRows,
}

/// A record that cannot be placed in time.
#[derive(Debug, thiserror::Error)]
#[error(
    "a record without an event time came to a temporal join: give both streams a watermark strategy with a timestamp assigner"
)]
struct NoEventTime;

impl<K: Key, J: ProcessTemporalJoin> TemporalJoin<K, J> {
    pub(crate) fn new(
        join: J,
        ends: EndsValidity<J::Right>,
        late: LateSides<J::Left, J::Right>,
        selectors: KeySelectors<K, J::Left, J::Right>,
    ) -> Self {
        let specs = vec![StateSpec::new("left"), StateSpec::new("right")];
        Self {
            join,
            ends,
            late,
            selectors,
            state: KeyedRows::new("rows", StatesCodec::new(JoinRow::default(), specs)),
            due: DueKeys::new(DUE),
            horizon: Horizon::default(),
            resolved: Vec::new(),
            unused: UnusedRows::default(),
        }
    }

    /// Has `keep` put the records of one side into their keys' rows; it answers when the key is to be looked at, unless something
    /// else has seen to that.
    fn collect<T: Data>(
        &mut self,
        input: &mut Batch<T>,
        (selector, late): (&dyn KeySelector<T, K>, &Late<T>),
        keep: impl Fn(&mut Row<J>, i64, T) -> Option<i64>,
        out: &mut Output<J::Out>,
    ) -> Progress {
        while !input.is_empty() {
            if input.hashes().is_empty() {
                selector.hash(input);
            }
            self.state.make_room(Timestamp::MIN).map_err(Stop::of_state)?;
            selector.resolve(input, &mut self.state.keys, &mut self.resolved);
            self.state.load(&self.resolved, Timestamp::MIN).map_err(Stop::of_state)?;
            self.put(input, late, &keep, out)?;
            if !input.is_empty() {
                out.flush()?;
            }
        }
        self.forget_unused(|unused, keys, is_used| unused.relieve(keys, is_used));
        Ok(())
    }

    /// Works off the batch until it is empty or the output of late records is full.
    fn put<T: Data>(
        &mut self,
        input: &mut Batch<T>,
        late: &Late<T>,
        keep: impl Fn(&mut Row<J>, i64, T) -> Option<i64>,
        out: &mut Output<J::Out>,
    ) -> Progress {
        let forgets = !self.state.is_cached();
        let Self { state, due, horizon, resolved, unused, .. } = self;
        let KeyedRows { keys, rows, .. } = state;
        let (mixed, mut watermark) = (horizon.is_mixed(), horizon.watermark());
        let mut rows = rows.writer();
        let mut records = input.consume();
        while !out.sides.is_full() {
            let Some(value) = records.next_value() else { break };
            let row = resolved[records.index()];
            if let Some(ahead) = resolved.get(records.index() + ROWS_AHEAD) {
                rows.prefetch(*ahead);
            }
            let time = records.time();
            if !time.is_set() {
                return Err(failed(records.site(), anyhow::Error::new(NoEventTime)));
            }
            if mixed {
                watermark = horizon.of_hash(records.hash());
            }
            if time.as_millis() <= watermark {
                late.put(value, time, out);
                if forgets && is_vacant(rows.get(row)) {
                    unused.note(row);
                }
            } else if let Some(at) = keep(rows.get_mut(row), time.as_millis(), value) {
                due.push(at, row, (records.hash(), keys.key(row)));
            }
        }
        Ok(())
    }

    /// Joins the records that the watermark has passed.
    fn work_off(&mut self, watermark: i64, out: &mut Output<J::Out>) -> Progress {
        while let Some((_, due)) = self.due.pop_due(watermark) {
            let row = match due {
                Due::Row(row) => row,
                Due::Key(hash, key) => {
                    self.state.make_room(Timestamp::MIN).map_err(Stop::of_state)?;
                    self.state.find_or_load(hash, &key, Timestamp::MIN).map_err(Stop::of_state)?
                }
            };
            let done = self.visit(row, watermark, out);
            if let Some(next) = versions::next_due(self.state.rows.get(row), &self.ends) {
                self.due.push(next, row, (self.state.keys.hash(row), self.state.keys.key(row)));
            } else if !self.state.is_cached() && is_vacant(self.state.rows.get(row)) {
                self.unused.note(row);
            }
            done?;
        }
        Ok(())
    }

    /// Joins the records of a key that the watermark has passed, and frees the versions that no other can ask for.
    fn visit(&mut self, row: RowId, watermark: i64, out: &mut Output<J::Out>) -> Progress {
        let Self { join, ends, state, .. } = self;
        // An entry may be left of a key that is gone, or whose first record was another then.
        if !versions::is_due(state.rows.get(row), watermark, ends) {
            return Ok(());
        }
        let row = state.rows.get_mut(row);
        loop {
            out.relieve()?;
            let Some((millis, left, version)) = versions::next(row, watermark, ends) else { break };
            let time = Timestamp::from_millis(millis);
            let _blame = blame::Firing(time);
            out.collector.at_record(time, None);
            let base = Context {
                task: &out.task,
                metrics: &out.metrics,
                sides: &mut out.sides,
                time,
                watermark: out.watermark,
            };
            let version_time = version.map(|(since, _)| Timestamp::from_millis(since));
            let mut ctx = TemporalContext { base, version_time };
            join.process(left, version.map(|(_, version)| version), &mut ctx, &mut out.collector)
                .map_err(|error| failed(Site { event_time: time, ..Site::default() }, error))?;
        }
        versions::free(row, watermark, ends);
        Ok(())
    }

    /// Forgets keys of which nothing has been kept for a while.
    fn forget_unused(&mut self, turn: impl FnOnce(&mut UnusedRows, &mut KeyIndex<K>, &dyn Fn(RowId) -> bool)) {
        if !self.state.is_cached() {
            let KeyedRows { keys, rows, .. } = &mut self.state;
            turn(&mut self.unused, keys, &|row| !is_vacant(rows.get(row)));
        }
    }

    fn life_cycle(
        &mut self,
        out: &mut Output<J::Out>,
        call: impl FnOnce(&mut J, &mut Context<'_>, &mut Collector<J::Out>) -> Result<()>,
    ) -> Progress {
        let mut ctx = Context {
            task: &out.task,
            metrics: &out.metrics,
            sides: &mut out.sides,
            time: Timestamp::MIN,
            watermark: out.watermark,
        };
        call(&mut self.join, &mut ctx, &mut out.collector).map_err(|error| failed(Site::default(), error))
    }
}

fn is_vacant<L, R>((waiting, versions): &JoinRow<L, R>) -> bool {
    waiting.is_empty() && versions.is_empty()
}

#[cold]
fn failed(site: Site, error: anyhow::Error) -> Stop {
    TaskError::at(site, Cause::User(error)).into()
}

impl<K: Key, J: ProcessTemporalJoin> Operator for TemporalJoin<K, J> {
    type In = J::Left;
    type Out = J::Out;

    fn open(&mut self, out: &mut Output<J::Out>) -> Progress {
        self.state.open(&out.task).map_err(Stop::of_state)?;
        self.due.name_keys(self.state.is_cached());
        self.life_cycle(out, |join, ctx, _| join.open(ctx))
    }

    fn process(&mut self, input: &mut Batch<J::Left>, out: &mut Output<J::Out>) -> Progress {
        let (selector, late) = (Arc::clone(&self.selectors.left), self.late.left.clone());
        self.collect(input, (&*selector, &late), versions::wait, out)
    }

    fn watermark(&mut self, watermark: Timestamp, out: &mut Output<J::Out>) -> Progress {
        self.work_off(watermark.as_millis(), out)?;
        self.horizon.advance(watermark.as_millis());
        self.forget_unused(|unused, keys, is_used| unused.turn(keys, is_used));
        Ok(())
    }

    fn close(&mut self, out: &mut Output<J::Out>) -> Progress {
        self.life_cycle(out, |join, ctx, collector| join.close(ctx, collector))
    }

    fn snapshot(&mut self, out: &Output<J::Out>, to: &mut OperatorCapture) -> Result<(), StateError> {
        self.horizon.snapshot(&out.task.info, to)?;
        self.state.snapshot(&out.task, to)?;
        self.due.snapshot(&out.task.info, to);
        if !self.state.is_cached() {
            // A store that this is restored to reads no row before it is needed.
            let (keys, rows) = (self.state.keys.freeze(), self.state.rows.freeze());
            let (groups, ends) = (out.task.info.key_groups(), self.ends.clone());
            to.defer(move |to| {
                let entries: KeyedEntries =
                    keys.encode(&rows, groups, |key, row, bytes| match versions::next_due(row, &ends) {
                        Some(due) => encode(&(Timestamp::from_millis(due), key), bytes),
                        None => Ok(()),
                    })?;
                to.extend_keyed(DUE, entries);
                Ok(())
            });
        }
        Ok(())
    }

    fn restore(&mut self, out: &Output<J::Out>, from: &OperatorSnapshot) -> Result<(), StateError> {
        self.horizon.restore(&out.task.info, from)?;
        self.state.restore(&out.task, from)?;
        self.due.name_keys(self.state.is_cached());
        self.due.restore(&out.task.info, from)?;
        if !self.state.is_cached() {
            for row in 0..self.state.rows.len() as RowId {
                if let Some(due) = versions::next_due(self.state.rows.get(row), &self.ends) {
                    self.due.push(due, row, (self.state.keys.hash(row), self.state.keys.key(row)));
                }
            }
        }
        Ok(())
    }
}

impl<K: Key, J: ProcessTemporalJoin> TwoInputOperator for TemporalJoin<K, J> {
    type Second = J::Right;

    fn process_second(&mut self, input: &mut Batch<J::Right>, out: &mut Output<J::Out>) -> Progress {
        let (selector, late, ends) = (Arc::clone(&self.selectors.right), self.late.right.clone(), self.ends.clone());
        self.collect(input, (&*selector, &late), |row, time, version| versions::add(row, time, version, &ends), out)
    }
}
