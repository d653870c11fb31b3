//! Operators that the jobs are made of.

use millstream::prelude::*;

use crate::records::{key, millis};

/// A key, an instant (0 if there is none), a count, and something else to tell the row by.
pub(crate) type Row = (u64, i64, u64, u64);

pub(crate) const ODD: OutputTag<u64> = OutputTag::new("odd");

/// Odd numbers go to the side.
#[derive(Clone)]
pub(crate) struct Sort;

impl Process for Sort {
    type In = u64;
    type Out = u64;

    fn process(&mut self, number: u64, ctx: &mut Context<'_>, out: &mut Collector<u64>) -> Result<()> {
        if number % 2 == 1 {
            ctx.output(ODD, number);
        } else {
            out.emit(number);
        }
        Ok(())
    }
}

/// Of records that all subtasks get, each keeps its share.
#[derive(Clone)]
pub(crate) struct Share;

impl Process for Share {
    type In = u64;
    type Out = u64;

    fn process(&mut self, number: u64, ctx: &mut Context<'_>, out: &mut Collector<u64>) -> Result<()> {
        if number % ctx.parallelism() as u64 == ctx.subtask_index() as u64 {
            out.emit(number);
        }
        Ok(())
    }
}

/// Hands numbers on, on threads that may wait.
#[derive(Clone)]
pub(crate) struct Detour;

impl Process for Detour {
    type In = u64;
    type Out = u64;

    fn process(&mut self, number: u64, _ctx: &mut Context<'_>, out: &mut Collector<u64>) -> Result<()> {
        std::thread::yield_now();
        out.emit(number);
        Ok(())
    }
}

/// The length of the timers' buckets.
pub(crate) const BUCKET_MILLIS: i64 = 70;

/// Counts per bucket of event time, told by a timer at its end.
#[derive(Clone)]
pub(crate) struct Buckets;

impl KeyedOperator<u64> for Buckets {
    type In = u64;
    type Out = Row;
    type State = (Map<i64, u64>,);

    fn states(&self) -> Vec<StateSpec> {
        vec![StateSpec::new("buckets")]
    }

    fn new_state(&self) -> Self::State {
        Self::State::default()
    }

    fn process(
        &mut self,
        number: u64,
        (buckets,): &mut Self::State,
        ctx: &mut KeyedContext<'_, u64>,
        _out: &mut Collector<Row>,
    ) -> Result<()> {
        let end = (millis(number) / BUCKET_MILLIS + 1) * BUCKET_MILLIS;
        *buckets.get_or_insert_with(end, || 0) += 1;
        ctx.set_event_timer(Timestamp::from_millis(end));
        Ok(())
    }

    fn on_timer(
        &mut self,
        at: Timestamp,
        (buckets,): &mut Self::State,
        ctx: &mut KeyedContext<'_, u64>,
        out: &mut Collector<Row>,
    ) -> Result<()> {
        let end = at.as_millis();
        let count = buckets.remove(&end).unwrap_or_default();
        out.emit((*ctx.key(), end, count, 0));
        Ok(())
    }
}

/// Counts and sums.
#[derive(Clone)]
pub(crate) struct CountAndSum;

impl Aggregate for CountAndSum {
    type In = u64;
    type Acc = (u64, u64);
    type Out = (u64, u64);

    fn create(&self) -> (u64, u64) {
        (0, 0)
    }

    fn add(&self, acc: &mut (u64, u64), number: u64) {
        acc.0 += 1;
        acc.1 += number;
    }

    fn merge(&self, acc: &mut (u64, u64), other: (u64, u64)) {
        acc.0 += other.0;
        acc.1 += other.1;
    }

    fn result(&self, acc: &(u64, u64)) -> (u64, u64) {
        *acc
    }
}

/// The key of a record, as a stream's selector.
pub(crate) fn by_key(number: &u64) -> u64 {
    key(*number)
}
