//! Runs a [`KeyedOperator`]: finds each record's row, fires timers, snapshots both.

use std::sync::Arc;

use super::{KeySelector, KeyedOperator};
use crate::channel::Batch;
use crate::data::Key;
use crate::error::{Cause, Result, Site, TaskError, blame};
use crate::operator::process::OnError;
use crate::operator::{Collector, Context, KeyedContext, Operator, Output, Progress, Stop};
use crate::state::timers::Timers;
use crate::state::{
    KeyedRows, OperatorCapture, OperatorSnapshot, RowId, State, StateError, StateRow, StatesCodec, Ttl, operator_state,
};
use crate::time::Timestamp;

/// How many records ahead of its use a row is brought into the cache.
pub(super) const ROWS_AHEAD: usize = 16;

/// A keyed operator with its keys, rows and timers.
pub(crate) struct KeyedRunner<K: Key, P: KeyedOperator<K>> {
    operator: P,
    selector: Arc<dyn KeySelector<P::In, K>>,
    on_error: OnError<P::In>,
    has_ttl: bool,
    state: KeyedRows<K, StatesCodec<P::State>>,
    /// How many rows a batch sweeps for expired state, so that keys never seen again are forgotten too.
    swept_per_batch: usize,
    timers: Timers<K>,
    /// The rows of the batch at hand.
    resolved: Vec<RowId>,
    /// Rows that a call has left without content.
    vacated: Vec<RowId>,
    /// The next row to look at for expired state.
    sweep: usize,
}

impl<K: Key, P: KeyedOperator<K>> KeyedRunner<K, P> {
    pub(crate) fn new(operator: P, selector: Arc<dyn KeySelector<P::In, K>>, on_error: OnError<P::In>) -> Self {
        let specs = operator.states();
        let ttls = specs.iter().filter_map(|spec| spec.ttl).filter(Ttl::is_enabled);
        let has_ttl = ttls.clone().next().is_some();
        let swept_per_batch = ttls.map(|ttl| ttl.cleanup.keys_per_batch).max().unwrap_or_default();
        let state = KeyedRows::new("rows", StatesCodec::new(operator.new_state(), specs));
        Self {
            operator,
            selector,
            on_error,
            has_ttl,
            swept_per_batch,
            state,
            timers: Timers::default(),
            resolved: Vec::new(),
            vacated: Vec::new(),
            sweep: 0,
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

    /// Looks at the next few rows for state that has expired. Only looks, or it would copy what a snapshot has.
    fn sweep_expired(&mut self, now: Timestamp) {
        let count = self.state.rows.len();
        for _ in 0..self.swept_per_batch.min(count) {
            self.sweep = (self.sweep + 1) % count;
            let row = self.sweep as RowId;
            if self.state.rows.get(row).has_expired(now) {
                let state = self.state.rows.get_mut(row);
                state.states_mut().into_iter().for_each(|state| state.remove_expired(now));
                if state.is_vacant() && self.state.keys.is_live(row) {
                    self.state.forget(row);
                }
            }
        }
    }

    /// What time it is, if any state depends on it.
    fn now(&self, out: &Output<P::Out>) -> Timestamp {
        if self.has_ttl { out.task.clock.now() } else { Timestamp::MIN }
    }

    /// Works off the batch until it is empty or the output is full.
    fn run(&mut self, input: &mut Batch<P::In>, now: Timestamp, out: &mut Output<P::Out>) -> Progress {
        let Self { operator, on_error, has_ttl, state, timers, resolved, vacated, .. } = self;
        let (keys, mut rows, has_ttl) = (&state.keys, state.rows.writer(), *has_ttl);
        out.collector.set_origin(input.origin());
        let mut records = input.consume();
        while !out.is_full() {
            let Some(value) = records.next_value() else { break };
            let row = resolved[records.index()];
            if let Some(ahead) = resolved.get(records.index() + ROWS_AHEAD) {
                rows.prefetch(*ahead);
            }
            let time = records.time();
            out.collector.at_record(time, records.position());
            let kept = on_error.keep(&value);
            let state = rows.get_mut(row);
            if has_ttl {
                set_now(state, now);
            }
            let mut ctx = KeyedContext {
                base: Context {
                    task: &out.task,
                    metrics: &out.metrics,
                    sides: &mut out.sides,
                    time,
                    watermark: out.watermark,
                },
                key: keys.key(row),
                hash: records.hash(),
                timers: &mut *timers,
            };
            let done = operator.process(value, state, &mut ctx, &mut out.collector);
            if state.is_vacant() {
                vacated.push(row);
            }
            if let Err(error) = done {
                on_error.handle(error, kept, records.site(), &mut out.sides, &out.metrics)?;
            }
        }
        Ok(())
    }

    fn fire(&mut self, at: Timestamp, hash: u64, key: &K, out: &mut Output<P::Out>) -> Progress {
        let now = self.now(out);
        self.state.make_room(now).map_err(Stop::of_state)?;
        let row = self.state.find_or_load(hash, key, now).map_err(Stop::of_state)?;
        let state = self.state.rows.get_mut(row);
        if self.has_ttl {
            set_now(state, now);
        }
        let _blame = blame::Firing(at);
        out.collector.at_record(at, None);
        let mut ctx = KeyedContext {
            base: Context {
                task: &out.task,
                metrics: &out.metrics,
                sides: &mut out.sides,
                time: at,
                watermark: out.watermark,
            },
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

    fn life_cycle(
        &mut self,
        out: &mut Output<P::Out>,
        call: impl FnOnce(&mut P, &mut Context<'_>, &mut Collector<P::Out>) -> Result<()>,
    ) -> Progress {
        let mut ctx = Context {
            task: &out.task,
            metrics: &out.metrics,
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

impl<K: Key, P: KeyedOperator<K>> Operator for KeyedRunner<K, P> {
    type In = P::In;
    type Out = P::Out;

    fn open(&mut self, out: &mut Output<P::Out>) -> Progress {
        self.state.open(&out.task).map_err(Stop::of_state)?;
        if let Some(next) = self.timers.processing.next() {
            out.task.wake_at(next);
        }
        self.life_cycle(out, |operator, ctx, _| operator.open(ctx))
    }

    fn process(&mut self, input: &mut Batch<P::In>, out: &mut Output<P::Out>) -> Progress {
        while !input.is_empty() {
            if input.hashes().is_empty() {
                self.selector.hash(input);
            }
            let now = self.now(out);
            self.state.make_room(now).map_err(Stop::of_state)?;
            self.selector.resolve(input, &mut self.state.keys, &mut self.resolved);
            self.state.load(&self.resolved, now).map_err(Stop::of_state)?;
            out.set_hurried(self.state.rows.is_frozen());
            self.run(input, now, out)?;
            self.release_vacated();
            if !input.is_empty() {
                out.flush()?;
            }
        }
        // In a store, they go when its tables are merged.
        if self.has_ttl && !self.state.is_cached() {
            self.sweep_expired(out.task.clock.now());
        }
        Ok(())
    }

    fn watermark(&mut self, watermark: Timestamp, out: &mut Output<P::Out>) -> Progress {
        while let Some((at, hash, key)) = self.timers.event.pop_due(watermark) {
            self.fire(at, hash, &key, out)?;
            out.relieve()?;
        }
        Ok(())
    }

    fn processing_time(&mut self, now: Timestamp, out: &mut Output<P::Out>) -> Progress {
        while let Some((at, hash, key)) = self.timers.processing.pop_due(now) {
            self.fire(at, hash, &key, out)?;
            out.relieve()?;
        }
        if let Some(next) = self.timers.processing.next() {
            out.task.wake_at(next);
        }
        Ok(())
    }

    fn close(&mut self, out: &mut Output<P::Out>) -> Progress {
        self.life_cycle(out, |operator, ctx, collector| operator.close(ctx, collector))
    }

    fn snapshot(&mut self, out: &Output<P::Out>, to: &mut OperatorCapture) -> Result<(), StateError> {
        self.state.snapshot(&out.task, to)?;
        self.timers.snapshot(out.task.info.key_groups(), to);
        operator_state::capture(self.operator.operator_states(), &out.task.info, to)
    }

    fn restore(&mut self, out: &Output<P::Out>, from: &OperatorSnapshot) -> Result<(), StateError> {
        self.state.restore(&out.task, from)?;
        self.timers.restore(out.task.info.key_groups(), from)?;
        operator_state::restore(self.operator.operator_states(), &out.task.info, from)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::OwnedKey;
    use super::*;
    use crate::channel::hash::stable_hash;
    use crate::observe::OperatorMetrics;
    use crate::operator::beside::RunHere;
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

    struct NoWake;

    impl Wake for NoWake {
        fn wake(&self) {}
    }

    fn push(runner: &mut KeyedRunner<u64, Last>, out: &mut Output<u64>, values: impl IntoIterator<Item = u64>) {
        let mut batch = Batch::new();
        values.into_iter().for_each(|value| batch.push(value));
        runner.process(&mut batch, out).unwrap();
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

    fn runner(key: fn(&u64) -> u64) -> KeyedRunner<u64, Last> {
        KeyedRunner::new(Last, Arc::new(OwnedKey(key)), OnError::Fail)
    }

    #[test]
    fn keys_never_seen_again_are_forgotten_when_their_state_has_expired() {
        let clock = Arc::new(ManualClock::default());
        let (mut runner, mut out) = (runner(|value| *value), output(&clock));
        push(&mut runner, &mut out, 1001..=2000);
        assert_eq!(runner.state.keys.len(), 1000);
        clock.advance_to(Timestamp::from_millis(10));
        for _ in 0..1000 / runner.swept_per_batch + 1 {
            push(&mut runner, &mut out, [5000]);
        }
        assert_eq!(runner.state.keys.len(), 1);
        push(&mut runner, &mut out, 1001..=2000);
        assert_eq!(runner.state.rows.len(), 1001, "rows that were given up are used again");
    }

    #[test]
    fn a_snapshot_has_what_was_there_when_it_was_taken() {
        let clock = Arc::new(ManualClock::default());
        let (mut runner, mut out) = (runner(|value| *value % 1000), output(&clock));
        push(&mut runner, &mut out, 5000..5500);
        let mut task = TaskCapture::default();
        runner.snapshot(&out, task.operator("last")).unwrap();
        push(&mut runner, &mut out, (7000..7600).chain(0..10));
        clock.advance_to(Timestamp::from_millis(10));
        (0..20).for_each(|_| push(&mut runner, &mut out, [8000]));
        assert_eq!(runner.state.keys.len(), 1, "all have expired since");
        let snapshot = task.complete().unwrap();
        let mut restored = super::tests::runner(|value| *value % 1000);
        let out = output(&Arc::new(ManualClock::default()));
        restored.restore(&out, snapshot.get("last").unwrap()).unwrap();
        assert_eq!(restored.state.keys.len(), 500);
        for key in 0..500 {
            let row = restored.state.keys.find(stable_hash(&key), &key).unwrap();
            assert_eq!(restored.state.rows.get(row).0.get(), Some(&(5000 + key)));
        }
    }

    #[test]
    fn a_row_that_is_used_again_holds_nothing_of_the_key_before() {
        let clock = Arc::new(ManualClock::default());
        let (mut runner, mut out) = (runner(|value| *value % 10), output(&clock));
        // Key 1 is emptied and filled again in one batch; key 2 has nothing to be emptied of, twice.
        push(&mut runner, &mut out, [11, 1, 21, 2, 2]);
        assert_eq!(runner.state.keys.len(), 1);
        push(&mut runner, &mut out, [1]);
        assert_eq!(runner.state.keys.len(), 0);
        out.flush().unwrap();
        push(&mut runner, &mut out, 13..=19);
        assert!(out.collector.batch.is_empty(), "a new key has found something: {:?}", out.collector.batch);
        assert_eq!(runner.state.rows.len(), 7, "rows that were given up are used again");
    }
}
