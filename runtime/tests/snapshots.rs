//! Every operator, snapshotted and restored at a random moment and at another parallelism, gives what it gives undisturbed.

#[path = "common/backend.rs"]
mod backend;

use millstream::prelude::*;
use millstream::testing::Harness;
use millstream::window::{
    CountTrigger, CountWindow, EventTimeTrigger, Global, PurgingTrigger, Session, Sliding, Tumbling,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use self::backend::any_backend;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Event {
    key: u8,
    amount: i64,
}

#[derive(Debug, Clone)]
enum Step {
    Record { key: u8, amount: i64, at: i64 },
    Watermark(i64),
    ProcessingTime(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let record = (0u8..12, -50i64..50, 0i64..40_000).prop_map(|(key, amount, at)| Step::Record { key, amount, at });
    let watermark = (0i64..40_000).prop_map(Step::Watermark);
    let processing_time = (0i64..40_000).prop_map(Step::ProcessingTime);
    prop::collection::vec(prop_oneof![12 => record, 2 => watermark, 1 => processing_time], 1..120)
}

fn millis(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn feed(harness: &mut Harness<Event, String>, steps: &[Step], watermark: &mut i64, now: &mut i64) {
    for step in steps {
        match *step {
            Step::Record { key, amount, at } => harness.push_at(Event { key, amount }, millis(at)),
            // Neither kind of time goes back.
            Step::Watermark(at) => {
                *watermark = (*watermark).max(at);
                harness.watermark(millis(*watermark));
            }
            Step::ProcessingTime(at) => {
                *now = (*now).max(at);
                harness.advance_processing_time(millis(*now));
            }
        }
    }
}

fn sorted(mut results: Vec<String>) -> Vec<String> {
    results.sort();
    results
}

/// Runs a job undisturbed, and again with a snapshot after `cut` steps; both must give the same results.
fn check(
    job: impl Fn(Stream<Event>) -> Stream<String>,
    steps: &[Step],
    cut: prop::sample::Index,
    parallelism: (usize, usize),
    seed: u64,
) -> Result<(), TestCaseError> {
    let (mut watermark, mut now) = (i64::MIN, 0);
    let mut undisturbed = Harness::with_parallelism(&job, 1);
    feed(&mut undisturbed, steps, &mut watermark, &mut now);
    undisturbed.end();
    let expected = sorted(undisturbed.output());

    let (mut watermark, mut now) = (i64::MIN, 0);
    let cut = cut.index(steps.len() + 1);
    let mut first = Harness::with_backend(&job, parallelism.0, None, &any_backend(seed >> 8));
    first.seed(seed);
    feed(&mut first, &steps[..cut], &mut watermark, &mut now);
    let snapshot = if seed >> 42 & 1 == 1 { first.savepoint() } else { first.snapshot() };
    let mut results = first.output();
    let mut second = Harness::with_backend(&job, parallelism.1, Some(&snapshot), &any_backend(seed >> 16));
    second.seed(seed);
    second.advance_processing_time(millis(now));
    feed(&mut second, &steps[cut..], &mut watermark, &mut now);
    second.end();
    results.extend(second.output());
    prop_assert_eq!(sorted(results), expected);
    Ok(())
}

/// Uses every kind of state, and both kinds of timer.
#[derive(Clone)]
struct Everything;

#[derive(Debug, Clone, Default)]
struct Largest;

impl Aggregate for Largest {
    type In = i64;
    type Acc = i64;
    type Out = i64;

    fn create(&self) -> i64 {
        i64::MIN
    }

    fn add(&self, acc: &mut i64, value: i64) {
        *acc = value.max(*acc);
    }

    fn merge(&self, acc: &mut i64, other: i64) {
        self.add(acc, other);
    }

    fn result(&self, acc: &i64) -> i64 {
        *acc
    }
}

impl KeyedOperator<u8> for Everything {
    type In = Event;
    type Out = String;
    type State = (Value<i64>, List<i64>, Map<i64, u32>, Reducing<i64>, Aggregating<Largest>);

    fn states(&self) -> Vec<StateSpec> {
        ["last", "all", "seen", "sum", "largest"].into_iter().map(StateSpec::new).collect()
    }

    fn new_state(&self) -> Self::State {
        (Value::default(), List::default(), Map::default(), Reducing::new(|a, b| a + b), Aggregating::default())
    }

    fn process(
        &mut self,
        event: Event,
        (last, all, seen, sum, largest): &mut Self::State,
        ctx: &mut KeyedContext<'_, u8>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        let at = ctx.timestamp().unwrap_or(Timestamp::MIN);
        all.push(event.amount);
        sum.add(event.amount);
        largest.add(event.amount);
        *seen.get_or_insert_with(event.amount % 3, || 0) += 1;
        ctx.set_event_timer(at.saturating_add(seconds(5)));
        if event.amount % 4 == 0 {
            // In the future: when one that is due already fires depends on how records are batched.
            ctx.set_processing_timer(ctx.processing_time().saturating_add(seconds(3)));
            ctx.delete_event_timer(at.saturating_add(seconds(7)));
        }
        if event.amount % 11 == 0 {
            all.clear();
            seen.clear();
            sum.clear();
            largest.clear();
            last.clear();
        }
        let seen_once = seen.get(&(event.amount % 3)).copied();
        out.emit(format!(
            "{event:?} {at} {:?} {:?} {seen_once:?} {:?} {:?}",
            last.get(),
            all.as_slice(),
            sum.get(),
            largest.get()
        ));
        last.set(event.amount);
        Ok(())
    }

    fn on_timer(
        &mut self,
        at: Timestamp,
        (last, all, ..): &mut Self::State,
        ctx: &mut KeyedContext<'_, u8>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        out.emit(format!("timer {} {at} {:?} {}", ctx.key(), last.get(), all.len()));
        Ok(())
    }
}

/// Cheap stand-in for a call that waits.
#[derive(Clone)]
struct Echo;

impl Process for Echo {
    type In = Event;
    type Out = String;

    fn process(&mut self, event: Event, _ctx: &mut Context<'_>, out: &mut Collector<String>) -> Result<()> {
        out.emit(format!("{event:?}"));
        Ok(())
    }
}

const LATE: OutputTag<Event> = OutputTag::new("late");

fn cases() -> ProptestConfig {
    // The long form: MILLSTREAM_CASES=2000 cargo test --release --test snapshots
    let cases = std::env::var("MILLSTREAM_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(24);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn with_late(windows: Stream<String>) -> Stream<String> {
    let late = windows.side_output(LATE).map(|event| format!("late {event:?}"));
    windows.union([late])
}

macro_rules! operators {
    ($($name:ident: $job:expr;)*) => {
        $(
            proptest! {
                #![proptest_config(cases())]
                #[test]
                fn $name(
                    steps in steps(),
                    cut in any::<prop::sample::Index>(),
                    before in 1usize..4,
                    after in 1usize..4,
                    seed in any::<u64>(),
                ) {
                    let job: fn(Stream<Event>) -> Stream<String> = $job;
                    check(job, &steps, cut, (before, after), seed)?;
                }
            }
        )*
    };
}

operators! {
    stateless: |events| events
        .filter(|event| event.amount > -40)
        .flat_map(|event| vec![event.clone(); (event.amount % 3).unsigned_abs() as usize])
        .map(|event| format!("{event:?}"));
    every_state_and_timer: |events| events.key_by(|event| &event.key).process("everything", Everything);
    reduce: |events| events
        .key_by(|event| &event.key)
        .reduce(|a, b| Event { key: a.key, amount: a.amount + b.amount })
        .map(|event| format!("{event:?}"));
    sum: |events| events.key_by(|event| &event.key).sum(|event| event.amount).map(|sum| format!("{sum:?}"));
    min: |events| events.key_by(|event| &event.key).min(|event| event.amount).map(|least| format!("{least:?}"));
    max_by: |events| events.key_by(|event| &event.key).max_by(|event| event.amount).map(|best| format!("{best:?}"));
    count: |events| events.key_by(|event| &event.key).count().map(|count| format!("{count:?}"));
    blocking: |events| events.process_blocking("echo", Echo, 3, millstream::operator::OnError::Fail);
    union_and_exchanges: |events| events
        .clone()
        .rebalance()
        .map(|event| event)
        .union([events.clone().shuffle().map(|event| event), events_of_key_zero(&events)])
        .key_by(|event| &event.key)
        .count()
        .map(|count| format!("{count:?}"));
    tumbling: |events| with_late(events
        .key_by(|event| &event.key)
        .window(Tumbling::of(seconds(5)).offset(seconds(2)))
        .allowed_lateness(seconds(3))
        .late_output(LATE)
        .aggregate_with(Sum, |key, window, sum, out| {
            out.emit(format!("{key} {} {} {sum}", window.start(), window.revision()));
        }));
    sliding: |events| with_late(events
        .key_by(|event| &event.key)
        .window(Sliding::of(seconds(6), seconds(4)))
        .late_output(LATE)
        .aggregate_with(Sum, |key, window, sum, out| out.emit(format!("{key} {} {sum}", window.start()))));
    session: |events| with_late(events
        .key_by(|event| &event.key)
        .window(Session::gap(seconds(2)))
        .late_output(LATE)
        .aggregate_with(Sum, |key, window, sum, out| {
            out.emit(format!("{key} {} {} {sum}", window.start(), window.end()));
        }));
    dynamic_session: |events| events
        .key_by(|event| &event.key)
        .window(Session::dynamic_gap(|event: &Event| Duration::from_millis(500 + event.amount.unsigned_abs() * 50)))
        .process(|key, window, mut events, out| {
            events.sort();
            out.emit(format!("{key} {} {events:?}", window.end()));
        });
    count_window: |events| events
        .key_by(|event| &event.key)
        .window(CountWindow::tumbling(3))
        .process(|key, _, events, out| out.emit(format!("{key} {events:?}")));
    sliding_count_window: |events| events
        .key_by(|event| &event.key)
        .window(CountWindow::sliding(4, 2))
        .process(|key, _, events, out| out.emit(format!("{key} {events:?}")));
    global_at_the_end: |events| events
        .key_by(|event| &event.key)
        .window(Global)
        .trigger(EventTimeTrigger)
        .count()
        .map(|count| format!("{count:?}"));
    purging_count_trigger: |events| events
        .key_by(|event| &event.key)
        .window(Tumbling::of(seconds(10)))
        .trigger(PurgingTrigger::of(CountTrigger::of(2)))
        .reduce(|a, b| Event { key: a.key, amount: a.amount + b.amount })
        .map(|event| format!("{event:?}"));
}

fn events_of_key_zero(events: &Stream<Event>) -> Stream<Event> {
    events.clone().broadcast().filter(|event| event.key == 0).parallelism(1)
}

#[derive(Clone)]
struct Sum;

impl Aggregate for Sum {
    type In = Event;
    type Acc = i64;
    type Out = i64;

    fn create(&self) -> i64 {
        0
    }

    fn add(&self, acc: &mut i64, event: Event) {
        *acc += event.amount;
    }

    fn merge(&self, acc: &mut i64, other: i64) {
        *acc += other;
    }

    fn result(&self, acc: &i64) -> i64 {
        *acc
    }
}
