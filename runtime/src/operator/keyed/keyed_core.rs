//! A keyed operator with its keys, rows and timers, whatever its inputs.

use super::{KeySelector, KeyedOperator};
use crate::channel::Batch;
use crate::data::{Data, Key};
use crate::error::{Cause, Result, Site, TaskError, blame};
use crate::operator::process::OnError;
use crate::operator::{Collector, Context, KeyedContext, Output, Progress, Stop, TimeDomain};
use crate::state::timers::Timers;
use crate::state::{
    KeyedRows, OperatorCapture, OperatorSnapshot, RowId, State, StateError, StateRow, StatesCodec, Sweep, Ttl,
    operator_state,
};
use crate::time::Timestamp;

/// How many records ahead of its use a row is brought into the cache.
pub(crate) const ROWS_AHEAD: usize = 16;

/// A keyed operator with its keys, rows and timers.
pub(super) struct KeyedCore<K: Key, P: KeyedOperator<K>> {
    pub(super) operator: P,
    on_error: OnError<P::In>,
    has_ttl: bool,
    state: KeyedRows<K, StatesCodec<P::State>>,
    sweep: Sweep,
    timers: Timers<K>,
    /// The rows of the batch at hand.
    resolved: Vec<RowId>,
    /// Rows that a call has left without content.
    vacated: Vec<RowId>,
}

impl<K: Key, P: KeyedOperator<K>> KeyedCore<K, P> {
    pub(super) fn new(operator: P, on_error: OnError<P::In>) -> Self {
        let specs = operator.states();
        let has_ttl = specs.iter().filter_map(|spec| spec.ttl).any(|ttl: Ttl| ttl.is_enabled());
        let sweep = Sweep::of(&specs);
        let state = KeyedRows::new("rows", StatesCodec::new(operator.new_state(), specs));
        Self {
            operator,
            on_error,
            has_ttl,
            sweep,
            state,
            timers: Timers::default(),
            resolved: Vec::new(),
            vacated: Vec::new(),
        }
    }

    /// Gives up the rows that calls have left without content.
    fn release_vacated(&mut self) {
        while let Some(row) = self.vacated.pop() {
            if self.state.rows.get(row).is_vacant() {
                self.state.forget(row);
            }
        }
    }

    /// What time it is, if any state depends on it.
    fn now(&self, out: &Output<P::Out>) -> Timestamp {
        if self.has_ttl { out.task.clock.now() } else { Timestamp::MIN }
    }

    /// Processes a batch of one of the inputs, whose records `wrap` makes into what the operator takes.
    pub(super) fn work<I: Data>(
        &mut self,
        input: &mut Batch<I>,
        selector: &dyn KeySelector<I, K>,
        wrap: impl Fn(I) -> P::In + Copy,
        out: &mut Output<P::Out>,
    ) -> Progress {
        while !input.is_empty() {
            if input.hashes().is_empty() {
                selector.hash(input);
            }
            let now = self.now(out);
            self.state.make_room(now).map_err(Stop::of_state)?;
            selector.resolve(input, &mut self.state.keys, &mut self.resolved);
            self.state.load(&self.resolved, now).map_err(Stop::of_state)?;
            self.run(input, wrap, now, out)?;
            self.release_vacated();
            if !input.is_empty() {
                out.flush()?;
            }
        }
        self.sweep.turn(&mut self.state, &out.task);
        Ok(())
    }

    /// Works off the batch until it is empty or the output is full.
    #[inline]
    fn run<I>(
        &mut self,
        input: &mut Batch<I>,
        wrap: impl Fn(I) -> P::In,
        now: Timestamp,
        out: &mut Output<P::Out>,
    ) -> Progress {
        out.collector.set_origin(input.origin());
        let mut records = input.consume();
        while !out.is_full() {
            let Some(value) = records.next_value().map(&wrap) else { break };
            let row = self.resolved[records.index()];
            if let Some(ahead) = self.resolved.get(records.index() + ROWS_AHEAD) {
                self.state.rows.writer().prefetch(*ahead);
            }
            let time = records.time();
            out.collector.at_record(time, records.position());
            let kept = self.on_error.keep(&value);
            let state = self.state.rows.get_mut(row);
            if self.has_ttl {
                set_now(state, now);
            }
            let mut ctx = KeyedContext {
                base: Context {
                    task: &out.task,
                    operator: &out.metrics.name,
                    sides: &mut out.sides,
                    time,
                    watermark: out.watermark,
                },
                firing: None,
                key: self.state.keys.key(row),
                hash: records.hash(),
                timers: &mut self.timers,
            };
            let done = self.operator.process(value, state, &mut ctx, &mut out.collector);
            if state.is_vacant() {
                self.vacated.push(row);
            }
            if let Err(error) = done {
                self.on_error.handle(error, kept, records.site(), &mut out.sides, &out.metrics)?;
            }
        }
        Ok(())
    }

    /// Fires the timers in event time that are due.
    pub(super) fn fire_event_timers(&mut self, watermark: Timestamp, out: &mut Output<P::Out>) -> Progress {
        while let Some((at, hash, key)) = self.timers.event.pop_due(watermark) {
            self.fire((TimeDomain::EventTime, at), (hash, &key), out)?;
            out.relieve()?;
        }
        Ok(())
    }

    /// Fires the timers in processing time that are due.
    pub(super) fn fire_processing_timers(&mut self, now: Timestamp, out: &mut Output<P::Out>) -> Progress {
        while let Some((at, hash, key)) = self.timers.processing.pop_due(now) {
            self.fire((TimeDomain::ProcessingTime, at), (hash, &key), out)?;
            out.relieve()?;
        }
        self.wake_for_timers(out);
        Ok(())
    }

    fn wake_for_timers(&self, out: &Output<P::Out>) {
        if let Some(next) = self.timers.processing.next() {
            out.task.wake_at(next);
        }
    }

    pub(super) fn open(&mut self, out: &mut Output<P::Out>) -> Progress {
        self.state.open(&out.task).map_err(Stop::of_state)?;
        self.wake_for_timers(out);
        self.without_key(out, |operator, ctx, _| operator.open(ctx))
    }

    pub(super) fn close(&mut self, out: &mut Output<P::Out>) -> Progress {
        self.without_key(out, |operator, ctx, collector| operator.close(ctx, collector))
    }

    pub(super) fn snapshot(&mut self, out: &Output<P::Out>, to: &mut OperatorCapture) -> Result<(), StateError> {
        self.state.snapshot(&out.task, to)?;
        self.timers.snapshot(out.task.info.key_groups(), to);
        operator_state::capture(self.operator.operator_states(), &out.task.info, to)
    }

    pub(super) fn restore(&mut self, out: &Output<P::Out>, from: &OperatorSnapshot) -> Result<(), StateError> {
        self.state.restore(&out.task, from)?;
        self.timers.restore(out.task.info.key_groups(), from)?;
        operator_state::restore(self.operator.operator_states(), &out.task.info, from)
    }

    fn fire(
        &mut self,
        (domain, at): (TimeDomain, Timestamp),
        (hash, key): (u64, &K),
        out: &mut Output<P::Out>,
    ) -> Progress {
        let now = self.now(out);
        self.state.make_room(now).map_err(Stop::of_state)?;
        let row = self.state.find_or_load(hash, key, now).map_err(Stop::of_state)?;
        let state = self.state.rows.get_mut(row);
        if self.has_ttl {
            set_now(state, now);
        }
        let _blame = blame::Firing(at);
        // An instant of the clock is no event time.
        let event_time = if domain == TimeDomain::EventTime { at } else { Timestamp::MIN };
        out.collector.at_record(event_time, None);
        let mut ctx = KeyedContext {
            base: Context {
                task: &out.task,
                operator: &out.metrics.name,
                sides: &mut out.sides,
                time: at,
                watermark: out.watermark,
            },
            firing: Some(domain),
            key,
            hash,
            timers: &mut self.timers,
        };
        self.operator.on_timer(at, state, &mut ctx, &mut out.collector).map_err(|error| {
            Stop::from(TaskError::at(Site { event_time: at, ..Site::default() }, Cause::User(error)))
        })?;
        if state.is_vacant() {
            self.state.forget(row);
        }
        Ok(())
    }

    /// Calls a function of the operator that knows of no key.
    fn without_key(
        &mut self,
        out: &mut Output<P::Out>,
        call: impl FnOnce(&mut P, &mut Context<'_>, &mut Collector<P::Out>) -> Result<()>,
    ) -> Progress {
        let mut ctx = Context {
            task: &out.task,
            operator: &out.metrics.name,
            sides: &mut out.sides,
            time: Timestamp::MIN,
            watermark: out.watermark,
        };
        call(&mut self.operator, &mut ctx, &mut out.collector)
            .map_err(|error| Stop::from(TaskError::at(Site::default(), Cause::User(error))))
    }
}

fn set_now<R: StateRow>(row: &mut R, now: Timestamp) {
    for state in row.states_mut() {
        State::set_now(state, now);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::identity;
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::OwnedKey;
    use super::*;
    use crate::channel::hash::stable_hash;
    use crate::observe::OperatorMetrics;
    use crate::operator::blocking::RunHere;
    use crate::operator::{Fork, SideOutputs, TaskContext, TaskInfo, Wake};
    use crate::state::{StateSpec, TaskCapture, Value};
    use crate::time::{Clock, ManualClock};

    /// Remembers the last record of each key, and forgets it at a small one.
    #[derive(Clone)]
    struct Last;

    impl KeyedOperator<u64> for Last {
        type In = u64;
        type Out = u64;
        type State = (Value<u64>,);

        fn states(&self) -> Vec<StateSpec> {
            vec![StateSpec::new("last").ttl(Ttl::new(Duration::from_millis(10)))]
        }

        fn new_state(&self) -> Self::State {
            (Value::default(),)
        }

        fn process(
            &mut self,
            value: u64,
            (last,): &mut Self::State,
            _ctx: &mut KeyedContext<'_, u64>,
            out: &mut Collector<u64>,
        ) -> Result<()> {
            last.get().into_iter().for_each(|last| out.emit(*last));
            if value < 10 {
                last.clear()
            } else {
                last.set(value)
            }
            Ok(())
        }
    }

    struct Runner {
        selector: OwnedKey<fn(&u64) -> u64>,
        core: KeyedCore<u64, Last>,
    }

    struct NoWake;

    impl Wake for NoWake {
        fn wake(&self) {}
    }

    fn push(runner: &mut Runner, out: &mut Output<u64>, values: impl IntoIterator<Item = u64>) {
        let mut batch = Batch::new();
        values.into_iter().for_each(|value| batch.push(value));
        runner.core.work(&mut batch, &runner.selector, identity, out).unwrap();
    }

    fn output(clock: &Arc<ManualClock>) -> Output<u64> {
        let info = TaskInfo {
            job: "job".into(),
            subtask: 0,
            parallelism: 1,
            max_parallelism: 16,
            run: "run".into(),
            attempt: 0,
            restored: false,
        };
        let clock = Arc::clone(clock) as Arc<dyn Clock>;
        let task = TaskContext::new(info, clock, Arc::new(NoWake), Arc::new(RunHere));
        Output::new(task, OperatorMetrics::new(0, "last", 0), Fork::of(Vec::new()), SideOutputs::default())
    }

    fn runner(key: fn(&u64) -> u64) -> Runner {
        Runner { selector: OwnedKey(key), core: KeyedCore::new(Last, OnError::Fail) }
    }

    #[test]
    fn keys_never_seen_again_are_forgotten_when_their_state_has_expired() {
        let clock = Arc::new(ManualClock::default());
        let (mut runner, mut out) = (runner(|value| *value), output(&clock));
        push(&mut runner, &mut out, 1001..=2000);
        assert_eq!(runner.core.state.keys.len(), 1000);
        clock.advance_to(Timestamp::from_millis(10));
        for _ in 0..1000 / runner.core.sweep.rows_per_turn() + 1 {
            push(&mut runner, &mut out, [5000]);
        }
        assert_eq!(runner.core.state.keys.len(), 1);
        push(&mut runner, &mut out, 1001..=2000);
        assert_eq!(runner.core.state.rows.len(), 1001, "rows that were given up are used again");
    }

    #[test]
    fn a_snapshot_has_what_was_there_when_it_was_taken() {
        let clock = Arc::new(ManualClock::default());
        let (mut runner, mut out) = (runner(|value| *value % 1000), output(&clock));
        push(&mut runner, &mut out, 5000..5500);
        let mut task = TaskCapture::default();
        runner.core.snapshot(&out, task.operator("last")).unwrap();
        push(&mut runner, &mut out, (7000..7600).chain(0..10));
        clock.advance_to(Timestamp::from_millis(10));
        (0..20).for_each(|_| push(&mut runner, &mut out, [8000]));
        assert_eq!(runner.core.state.keys.len(), 1, "all have expired since");
        let snapshot = task.complete().unwrap();
        let mut restored = self::runner(|value| *value % 1000);
        let out = output(&Arc::new(ManualClock::default()));
        restored.core.restore(&out, snapshot.get("last").unwrap()).unwrap();
        assert_eq!(restored.core.state.keys.len(), 500);
        for key in 0..500 {
            let row = restored.core.state.keys.find(stable_hash(&key), &key).unwrap();
            assert_eq!(restored.core.state.rows.get(row).0.get(), Some(&(5000 + key)));
        }
    }

    #[test]
    fn a_row_that_is_used_again_holds_nothing_of_the_key_before() {
        let clock = Arc::new(ManualClock::default());
        let (mut runner, mut out) = (runner(|value| *value % 10), output(&clock));
        // Key 1 is emptied and filled again in one batch; key 2 has nothing to be emptied of, twice.
        push(&mut runner, &mut out, [11, 1, 21, 2, 2]);
        assert_eq!(runner.core.state.keys.len(), 1);
        push(&mut runner, &mut out, [1]);
        assert_eq!(runner.core.state.keys.len(), 0);
        out.flush().unwrap();
        push(&mut runner, &mut out, 13..=19);
        assert!(out.collector.batch.is_empty(), "a new key has found something: {:?}", out.collector.batch);
        assert_eq!(runner.core.state.rows.len(), 7, "rows that were given up are used again");
    }
}
