//! Operators that the jobs are made of.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use millstream::operator::{AsyncContext, AsyncFunction, AsyncOptions, RetryStrategy};
use millstream::prelude::*;
use millstream::window::{ProcessWindow, WindowStates};

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
const BUCKET_MILLIS: i64 = 70;

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
        let end = bucket_end(number);
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

/// The end of the bucket that a number is in.
pub(crate) fn bucket_end(number: u64) -> i64 {
    (millis(number) / BUCKET_MILLIS + 1) * BUCKET_MILLIS
}

/// Counts per bucket of event time of two streams, told by a timer at its end.
#[derive(KeyedOperator)]
#[operator(connect, uid = "both")]
pub(crate) struct BucketsOfBoth {
    #[state]
    buckets: Map<i64, (u64, u64)>,
}

impl BucketsOfBoth {
    fn count(&mut self, number: u64, counts: (u64, u64), ctx: &mut KeyedContext<'_, u64>) {
        let end = bucket_end(number);
        let bucket = self.buckets.get_or_insert_with(end, || (0, 0));
        *bucket = (bucket.0 + counts.0, bucket.1 + counts.1);
        ctx.set_event_timer(Timestamp::from_millis(end));
    }
}

impl KeyedCoProcess for BucketsOfBoth {
    type Key = u64;
    type Left = u64;
    type Right = String;
    type Out = Row;

    fn process_left(&mut self, n: u64, ctx: &mut KeyedContext<'_, u64>, _out: &mut Collector<Row>) -> Result<()> {
        self.count(n, (1, 0), ctx);
        Ok(())
    }

    fn process_right(&mut self, n: String, ctx: &mut KeyedContext<'_, u64>, _out: &mut Collector<Row>) -> Result<()> {
        self.count(n.parse()?, (0, 1), ctx);
        Ok(())
    }

    fn on_timer(&mut self, at: Timestamp, ctx: &mut KeyedContext<'_, u64>, out: &mut Collector<Row>) -> Result<()> {
        let (left, right) = self.buckets.remove(&at.as_millis()).unwrap_or_default();
        out.emit((*ctx.key(), at.as_millis(), left, right));
        Ok(())
    }
}

/// Counts per key and bucket of event time, told by a timer at its end with the sum of the broadcast in the bucket.
#[derive(KeyedOperator)]
#[operator(broadcast, uid = "told")]
pub(crate) struct BucketsWithSums {
    #[state]
    buckets: Map<i64, u64>,
}

impl KeyedBroadcastProcess for BucketsWithSums {
    type Key = u64;
    type In = u64;
    type Broadcast = u64;
    type Shared = BroadcastState<i64, u64>;
    type Out = Row;

    fn process(
        &mut self,
        number: u64,
        _sums: &Self::Shared,
        ctx: &mut KeyedContext<'_, u64>,
        _out: &mut Collector<Row>,
    ) -> Result<()> {
        let end = bucket_end(number);
        *self.buckets.get_or_insert_with(end, || 0) += 1;
        ctx.set_event_timer(Timestamp::from_millis(end));
        Ok(())
    }

    fn process_broadcast(
        &mut self,
        number: u64,
        sums: &mut Self::Shared,
        _ctx: &mut BroadcastContext<'_>,
        _out: &mut Collector<Row>,
    ) -> Result<()> {
        *sums.entry(bucket_end(number)).or_default() += number;
        Ok(())
    }

    fn on_timer(
        &mut self,
        at: Timestamp,
        sums: &Self::Shared,
        ctx: &mut KeyedContext<'_, u64>,
        out: &mut Collector<Row>,
    ) -> Result<()> {
        let end = at.as_millis();
        let count = self.buckets.remove(&end).unwrap_or_default();
        out.emit((*ctx.key(), end, count, sums.get(&end).copied().unwrap_or_default()));
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

/// Asks a service that answers after a while, and is busy now and then.
#[derive(Clone, Default)]
pub(crate) struct Ask {
    /// How often it has been asked, by all subtasks together.
    asked: Arc<AtomicU64>,
}

impl Ask {
    /// Asks again as often as the service is busy.
    pub(crate) fn options(order: AsyncOptions<u64>) -> AsyncOptions<u64> {
        order.capacity(7).retry(RetryStrategy::fixed_delay(u32::MAX, Duration::from_millis(1)))
    }
}

impl AsyncFunction for Ask {
    type In = u64;
    type Out = u64;

    async fn call(&self, number: u64, _ctx: &AsyncContext) -> Result<Vec<u64>> {
        for _ in 0..number % 4 {
            tokio::task::yield_now().await;
        }
        anyhow::ensure!(self.asked.fetch_add(1, Ordering::Relaxed) % 13 != 12, "busy");
        Ok(vec![number])
    }
}

/// Adds the sums of a key's windows up, and tells them apart by their number.
#[derive(Clone)]
pub(crate) struct AddUp;

impl ProcessWindow<u64> for AddUp {
    type In = (u64, u64);
    type Out = Row;
    type State = (Value<u64>,);
    type WindowState = ();

    fn states(&self) -> Vec<StateSpec> {
        vec![StateSpec::new("total")]
    }

    fn new_state(&self) -> Self::State {
        Self::State::default()
    }

    fn new_window_state(&self) {}

    fn process(
        &mut self,
        key: &u64,
        (count, sum): (u64, u64),
        states: WindowStates<'_, Self::State, ()>,
        window: &mut WindowContext<'_>,
        out: &mut Collector<Row>,
    ) -> Result<()> {
        let total = states.key.0.get_or_default();
        *total += sum;
        out.emit((*key, window.start().as_millis(), count, *total));
        Ok(())
    }
}

/// Whether a pattern begins with a number.
pub(crate) fn begins(number: &u64) -> bool {
    number.is_multiple_of(3)
}

/// Whether a pattern ends with a number: seldom, so that many have begun by then.
pub(crate) fn ends(number: &u64) -> bool {
    number.is_multiple_of(11)
}
