//! The interval join: pairs records of two sides whose event times are close.
//!
//! What always holds: every pair of records that were both on time and lie within the bounds is emitted once, when the
//! second of them comes. A record is on time if the watermark has not passed it; so what has to be kept is what a record at
//! or after the watermark could meet. The rest is removed when its key comes again, and by a sweep.
//!
//! When an output is full in the midst of a record's pairs, the record goes back into the batch, and `met` tells how many
//! of the others it has met.

use super::bounds::Bounds;
use super::buffer::TimeBuffer;
use super::codec::JoinCodec;
use super::function::{JoinContext, ProcessJoin};
use super::side::{LateSides, Left, Pair, Right, Side};
use super::sweep::Sweep;
use crate::channel::Batch;
use crate::data::{Data, Key};
use crate::error::{Cause, Result, Site, TaskError};
use crate::operator::keyed::{KeySelector, KeySelectors, ROWS_AHEAD};
use crate::operator::{Collector, Context, OnError, Operator, Output, Progress, Stop, TwoInputOperator};
use crate::state::{KeyedRows, OperatorCapture, OperatorSnapshot, RowId, StateError};
use crate::time::Timestamp;
use crate::window::Horizon;

/// How many records ahead of its use what a record will look at is brought into the cache: its row is there by then.
const RECORDS_AHEAD: usize = 6;

/// What becomes of a pair for which the user's function fails.
pub(crate) type OnPairError<J> = OnError<(<J as ProcessJoin>::Left, <J as ProcessJoin>::Right)>;

/// An interval join with the records that may still meet others.
pub(crate) struct IntervalJoin<K: Key, J: ProcessJoin> {
    join: J,
    on_error: OnPairError<J>,
    bounds: Bounds,
    late: LateSides<J::Left, J::Right>,
    selectors: KeySelectors<K, J::Left, J::Right>,
    state: KeyedRows<K, JoinCodec<J::Left, J::Right>>,
    horizon: Horizon,
    sweep: Sweep,
    /// The rows of the batch at hand.
    resolved: Vec<RowId>,
    /// Rows that have been left without records.
    vacated: Vec<RowId>,
    /// How many others the first record of the batch has met.
    met: usize,
}

/// A record that cannot be placed in time.
#[derive(Debug, thiserror::Error)]
#[error(
    "a record without an event time came to an interval join: give both streams a watermark strategy with a timestamp assigner"
)]
struct NoEventTime;

impl<K: Key, J: ProcessJoin> IntervalJoin<K, J> {
    pub(crate) fn new(
        (join, on_error): (J, OnPairError<J>),
        bounds: Bounds,
        late: LateSides<J::Left, J::Right>,
        selectors: KeySelectors<K, J::Left, J::Right>,
    ) -> Self {
        Self {
            join,
            on_error,
            bounds,
            late,
            selectors,
            state: KeyedRows::new("rows", JoinCodec::new(bounds)),
            horizon: Horizon::default(),
            sweep: Sweep::default(),
            resolved: Vec::new(),
            vacated: Vec::new(),
            met: 0,
        }
    }

    /// Finds the rows of a batch of either side.
    fn resolve<T>(
        state: &mut KeyedRows<K, JoinCodec<J::Left, J::Right>>,
        resolved: &mut Vec<RowId>,
        selector: &dyn KeySelector<T, K>,
        input: &mut Batch<T>,
    ) -> Result<(), StateError> {
        if input.hashes().is_empty() {
            selector.hash(input);
        }
        state.make_room(Timestamp::MIN)?;
        selector.resolve(input, &mut state.keys, resolved);
        state.load(resolved, Timestamp::MIN)
    }

    /// Works off the batch until it is empty or the output is full.
    fn run<S: Side<J>>(&mut self, input: &mut Batch<S::Own>, out: &mut Output<J::Out>) -> Progress {
        let (owns_alive, others_alive) = S::alive(self.state.codec().alive);
        let mixed = self.horizon.is_mixed();
        let mut watermark = self.horizon.watermark();
        let (join, on_error) = (&mut self.join, &self.on_error);
        let mut rows = self.state.rows.writer();
        let mut records = input.consume();
        loop {
            out.relieve()?;
            let Some(own) = records.next_value() else { return Ok(()) };
            let row = self.resolved[records.index()];
            if let Some(ahead) = self.resolved.get(records.index() + ROWS_AHEAD) {
                rows.prefetch(*ahead);
            }
            if let Some(ahead) = self.resolved.get(records.index() + RECORDS_AHEAD) {
                let (owns, others) = S::of(rows.get(*ahead));
                owns.prefetch_back();
                others.prefetch_front();
            }
            let at = records.time();
            if !at.is_set() {
                return Err(failed(records.site(), anyhow::Error::new(NoEventTime)));
            }
            let time = at.as_millis();
            if mixed {
                watermark = self.horizon.of_hash(records.hash());
            }
            if time < watermark {
                S::late(&self.late).put(own, at, out);
                let (owns, others) = S::of(rows.get(row));
                if owns.is_empty() && others.is_empty() {
                    self.vacated.push(row);
                }
                continue;
            }
            let (owns, others) = S::of_mut(rows.get_mut(row));
            others.drop_before(others_alive);
            let (first, last) = S::reach(self.bounds, time);
            let met = meet(others, (first, last), &mut self.met, out, |other, out| {
                let both = S::in_order((time, &own), other);
                pair(join, both, out).or_else(|error| hand_over(on_error, both, error, records.site(), out))
            });
            if let Err(stop) = met {
                records.put_back(own);
                return Err(stop);
            }
            if last >= watermark {
                owns.insert(time, own, owns_alive);
            } else if !owns.reaches(owns_alive) && others.is_empty() {
                owns.drop_before(owns_alive);
                self.vacated.push(row);
            }
        }
    }

    /// Gives up the rows that have been left without records.
    fn release_vacated(&mut self) {
        while let Some(row) = self.vacated.pop() {
            let (left, right) = self.state.rows.get(row);
            if left.is_empty() && right.is_empty() {
                self.state.forget(row);
            }
        }
    }

    /// Looks at the next few rows for records that are over. Only looks, or it would copy what a snapshot has.
    fn sweep(&mut self) {
        let alive = self.state.codec().alive;
        for row in self.sweep.rows(self.horizon.watermark(), self.bounds.span(), self.state.rows.len()) {
            let (left, right) = self.state.rows.get(row);
            if left.is_stale(alive.left) || right.is_stale(alive.right) {
                let (left, right) = self.state.rows.get_mut(row);
                left.drop_before(alive.left);
                right.drop_before(alive.right);
                self.vacated.push(row);
            }
        }
        self.release_vacated();
    }

    /// Takes over how far event time has come.
    fn reach(&mut self) {
        let watermark = self.horizon.watermark();
        self.state.codec_mut().advance(watermark);
        // Until then a snapshot may have to hold what is over by now.
        if self.state.is_captured() {
            self.state.codec().release(watermark);
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

/// Pairs a record with the others within two times, both included; so many of them it has met before.
#[inline]
fn meet<T, O: Data>(
    others: &TimeBuffer<T>,
    (first, last): (i64, i64),
    met: &mut usize,
    out: &mut Output<O>,
    mut pair: impl FnMut((i64, &T), &mut Output<O>) -> Progress,
) -> Progress {
    for (time, other) in others.skip(others.rank(first) + *met) {
        if *time > last {
            break;
        }
        if out.is_full() {
            out.flush()?;
        }
        pair((*time, other), out)?;
        *met += 1;
    }
    *met = 0;
    Ok(())
}

#[inline]
fn pair<J: ProcessJoin>(
    join: &mut J,
    ((left_time, left), (right_time, right)): Pair<'_, J::Left, J::Right>,
    out: &mut Output<J::Out>,
) -> Result<()> {
    let time = Timestamp::from_millis(left_time.max(right_time));
    out.collector.at_record(time, None);
    let base =
        Context { task: &out.task, metrics: &out.metrics, sides: &mut out.sides, time, watermark: out.watermark };
    join.process(left, right, &mut JoinContext { base, left_time, right_time }, &mut out.collector)
}

/// Deals with a pair for which the user's function failed.
#[cold]
fn hand_over<L: Data, R: Data, O>(
    on_error: &OnError<(L, R)>,
    ((left_time, left), (right_time, right)): Pair<'_, L, R>,
    error: anyhow::Error,
    site: Site,
    out: &mut Output<O>,
) -> Progress {
    let kept = match on_error {
        OnError::SideOutput(_) => Some((left.clone(), right.clone())),
        OnError::Fail | OnError::Skip => None,
    };
    // What the job's error tells is the record at hand; what goes on has the time of a result.
    let site = match on_error {
        OnError::Fail => site,
        _ => Site { event_time: Timestamp::from_millis(left_time.max(right_time)), ..site },
    };
    on_error.handle(error, kept, site, &mut out.sides, &out.metrics)
}

#[cold]
fn failed(site: Site, error: anyhow::Error) -> Stop {
    TaskError::at(site, Cause::User(error)).into()
}

impl<K: Key, J: ProcessJoin> Operator for IntervalJoin<K, J> {
    type In = J::Left;
    type Out = J::Out;

    fn open(&mut self, out: &mut Output<J::Out>) -> Progress {
        self.state.open(&out.task).map_err(Stop::of_state)?;
        self.life_cycle(out, |join, ctx, _| join.open(ctx))
    }

    fn process(&mut self, input: &mut Batch<J::Left>, out: &mut Output<J::Out>) -> Progress {
        Self::resolve(&mut self.state, &mut self.resolved, &*self.selectors.left, input).map_err(Stop::of_state)?;
        out.collector.forget_record();
        let progress = self.run::<Left>(input, out);
        self.release_vacated();
        progress
    }

    fn watermark(&mut self, watermark: Timestamp, _out: &mut Output<J::Out>) -> Progress {
        self.horizon.advance(watermark.as_millis());
        self.reach();
        // Rows in a store are left out when it merges its tables.
        if !self.state.is_cached() {
            self.sweep();
        }
        Ok(())
    }

    fn close(&mut self, out: &mut Output<J::Out>) -> Progress {
        self.life_cycle(out, |join, ctx, collector| join.close(ctx, collector))
    }

    fn snapshot(&mut self, out: &Output<J::Out>, to: &mut OperatorCapture) -> Result<(), StateError> {
        self.horizon.snapshot(&out.task.info, to)?;
        self.state.snapshot(&out.task, to)
    }

    fn restore(&mut self, out: &Output<J::Out>, from: &OperatorSnapshot) -> Result<(), StateError> {
        self.horizon.restore(&out.task.info, from)?;
        self.reach();
        self.state.restore(&out.task, from)
    }
}

impl<K: Key, J: ProcessJoin> TwoInputOperator for IntervalJoin<K, J> {
    type Second = J::Right;

    fn process_second(&mut self, input: &mut Batch<J::Right>, out: &mut Output<J::Out>) -> Progress {
        Self::resolve(&mut self.state, &mut self.resolved, &*self.selectors.right, input).map_err(Stop::of_state)?;
        out.collector.forget_record();
        let progress = self.run::<Right>(input, out);
        self.release_vacated();
        progress
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::PairFn;
    use super::super::bounds::{Interval, Offset};
    use super::*;
    use crate::observe::OperatorMetrics;
    use crate::operator::beside::RunHere;
    use crate::operator::keyed::OwnedKey;
    use crate::operator::{Fork, SideOutputs, TaskContext, TaskInfo, Wake};
    use crate::time::ManualClock;
    use crate::window::Late;

    struct NoWake;

    impl Wake for NoWake {
        fn wake(&self) {}
    }

    fn output() -> Output<u64> {
        let info = TaskInfo {
            job: "job".into(),
            subtask: 0,
            parallelism: 1,
            max_parallelism: 16,
            run: "run".into(),
            attempt: 0,
            restored: false,
        };
        let task = TaskContext::new(info, Arc::new(ManualClock::default()), Arc::new(NoWake), Arc::new(RunHere));
        Output::new(task, OperatorMetrics::new(0, "join", 0), Fork::of(Vec::new()), SideOutputs::default())
    }

    fn join() -> IntervalJoin<u64, impl ProcessJoin<Left = u64, Right = u64, Out = u64>> {
        let second = std::time::Duration::from_secs(1);
        let (lower, upper) = (Offset::Before(second), Offset::After(second));
        let interval = Interval { lower, upper, lower_exclusive: false, upper_exclusive: false };
        let key = || Arc::new(OwnedKey(|key: &u64| *key));
        let late = LateSides { left: Late::to(None), right: Late::to(None) };
        let pair = PairFn::new(|left: &u64, right: &u64| left + right);
        let selectors = KeySelectors { left: key(), right: key() };
        IntervalJoin::new((pair, OnError::Fail), interval.bounds().unwrap(), late, selectors)
    }

    #[test]
    fn keys_that_get_no_more_records_are_forgotten() {
        let mut join = join();
        let mut out = output();
        for millis in 0..20_000 {
            let mut batch = Batch::new();
            batch.push_at(millis, Timestamp::from_millis(millis as i64));
            join.process(&mut batch, &mut out).unwrap();
            join.watermark(Timestamp::from_millis(millis as i64), &mut out).unwrap();
            // A record lives for one second, and is found within two rounds of two seconds each, while rows become more.
            assert!(join.state.keys.len() <= 5000);
        }
        join.watermark(Timestamp::MAX, &mut out).unwrap();
        assert_eq!(join.state.keys.len(), 0);
        assert!(join.state.rows.len() <= 5001, "rows that were given up are used again");
    }

    #[test]
    fn keys_that_have_had_late_records_alone_are_forgotten() {
        let mut join = join();
        let mut out = output();
        join.watermark(Timestamp::from_millis(10), &mut out).unwrap();
        let mut batch = Batch::new();
        (0..100).for_each(|key| batch.push_at(key, Timestamp::from_millis(key as i64 % 20)));
        join.process(&mut batch, &mut out).unwrap();
        assert_eq!(join.state.keys.len(), 50);
    }

    #[test]
    fn a_key_of_one_side_alone_keeps_only_what_may_still_meet_others() {
        let mut join = join();
        let mut out = output();
        for millis in 0..20_000 {
            let mut batch = Batch::new();
            batch.push_at(7, Timestamp::from_millis(millis));
            join.process(&mut batch, &mut out).unwrap();
            join.watermark(Timestamp::from_millis(millis), &mut out).unwrap();
        }
        let kept = join.state.rows.get(0).0.len();
        assert!((1001..3000).contains(&kept), "{kept} records are kept of a second");
    }
}
