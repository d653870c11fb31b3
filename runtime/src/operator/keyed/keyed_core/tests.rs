//! Rows that are given up, expire and are frozen.

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
