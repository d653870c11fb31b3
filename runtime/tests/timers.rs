//! Timers in both kinds of time, and what a function can ask of its context.

use std::sync::{Arc, Mutex};

use millstream::operator::TimeDomain;
use millstream::prelude::*;
use millstream::testing::Harness;
use serde::{Deserialize, Serialize};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Ask {
    /// In processing time.
    Set(i64),
    Delete(i64),
    /// In event time.
    SetEvent(i64),
    DeleteEvent(i64),
}

use Ask::{Delete, DeleteEvent, Set, SetEvent};

type Record = (&'static str, Ask);

/// Does as it is asked, and tells of each timer that fires.
#[derive(Clone)]
struct Alarm {
    /// Each timer sets another so much later, until this instant.
    repeat: Option<(Duration, Timestamp)>,
}

impl KeyedOperator<String> for Alarm {
    type In = (String, Ask);
    type Out = String;
    type State = (Value<u32>,);

    fn states(&self) -> Vec<StateSpec> {
        vec![StateSpec::new("fired")]
    }

    fn new_state(&self) -> Self::State {
        Self::State::default()
    }

    fn process(
        &mut self,
        (_, ask): Self::In,
        _state: &mut Self::State,
        ctx: &mut KeyedContext<'_, String>,
        _out: &mut Collector<String>,
    ) -> Result<()> {
        match ask {
            Set(millis) => ctx.set_processing_timer(at(millis)),
            Delete(millis) => ctx.delete_processing_timer(at(millis)),
            SetEvent(millis) => ctx.set_event_timer(at(millis)),
            DeleteEvent(millis) => ctx.delete_event_timer(at(millis)),
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        instant: Timestamp,
        (fired,): &mut Self::State,
        ctx: &mut KeyedContext<'_, String>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        assert_eq!(ctx.timestamp(), Some(instant));
        *fired.get_or_default() += 1;
        out.emit(format!("{}@{} {}", ctx.key(), instant.as_millis(), fired.get_or_default()));
        if let Some((later, end)) = self.repeat
            && instant.saturating_add(later) <= end
        {
            ctx.set_processing_timer(instant.saturating_add(later));
        }
        Ok(())
    }
}

fn alarm(repeat: Option<(Duration, Timestamp)>) -> impl Fn(Stream<(String, Ask)>) -> Stream<String> {
    move |records| records.key_by(|record| &record.0).process("alarm", Alarm { repeat })
}

fn push(harness: &mut Harness<(String, Ask), String>, records: &[Record]) {
    records.iter().for_each(|(key, ask)| harness.push(((*key).to_owned(), *ask)));
}

#[track_caller]
fn fires(harness: &mut Harness<(String, Ask), String>, now: i64, expected: &[&str]) {
    harness.advance_processing_time(at(now));
    assert_eq!(harness.output(), expected, "at {now}");
}

#[test]
fn a_processing_timer_fires_at_its_instant_and_not_before() {
    let mut harness = Harness::new(alarm(None));
    push(&mut harness, &[("a", Set(20)), ("a", Set(10)), ("a", Set(10))]);
    fires(&mut harness, 9, &[]);
    fires(&mut harness, 10, &["a@10 1"]);
    fires(&mut harness, 1000, &["a@20 2"]);
    fires(&mut harness, 2000, &[]);
}

#[test]
fn processing_timers_fire_in_order_of_time_whatever_their_keys() {
    let mut harness = Harness::new(alarm(None));
    push(&mut harness, &[("c", Set(30)), ("a", Set(40)), ("b", Set(10)), ("a", Set(20))]);
    fires(&mut harness, 40, &["b@10 1", "a@20 1", "c@30 1", "a@40 2"]);
}

#[test]
fn a_processing_timer_that_is_taken_back_does_not_fire() {
    let mut harness = Harness::new(alarm(None));
    push(&mut harness, &[("a", Set(10)), ("b", Set(10)), ("a", Delete(10)), ("a", Delete(11))]);
    fires(&mut harness, 10, &["b@10 1"]);
}

#[test]
fn a_processing_timer_in_the_past_fires_at_once() {
    let mut harness = Harness::new(alarm(None));
    fires(&mut harness, 100, &[]);
    push(&mut harness, &[("a", Set(50))]);
    assert_eq!(harness.output(), ["a@50 1"]);
}

#[test]
fn a_timer_can_set_the_next() {
    let repeat = Some((Duration::from_millis(10), at(35)));
    let mut harness = Harness::new(alarm(repeat));
    push(&mut harness, &[("a", Set(5))]);
    fires(&mut harness, 15, &["a@5 1", "a@15 2"]);
    fires(&mut harness, 24, &[]);
    fires(&mut harness, 100, &["a@25 3", "a@35 4"]);
}

#[test]
fn event_timers_follow_the_watermark_and_not_the_clock() {
    let mut harness = Harness::new(alarm(None));
    push(&mut harness, &[("a", SetEvent(20)), ("b", SetEvent(10)), ("b", SetEvent(15)), ("b", DeleteEvent(15))]);
    fires(&mut harness, 1000, &[]);
    harness.watermark(at(19));
    assert_eq!(harness.output(), ["b@10 1"]);
    harness.end();
    assert_eq!(harness.output(), ["a@20 1"]);
}

#[test]
fn processing_timers_that_are_not_due_at_the_end_do_not_fire() {
    let mut harness = Harness::new(alarm(None));
    push(&mut harness, &[("a", Set(20))]);
    harness.end();
    assert_eq!(harness.output(), [""; 0]);
}

#[test]
fn timers_go_on_after_a_restore() {
    let mut first = Harness::with_parallelism(alarm(None), 3);
    push(&mut first, &[("a", Set(20)), ("b", Set(20)), ("c", Set(40)), ("b", SetEvent(7))]);
    fires(&mut first, 10, &[]);
    let snapshot = first.snapshot();
    let mut second = Harness::restored(alarm(None), 2, &snapshot);
    second.advance_processing_time(at(20));
    let mut fired = second.output();
    fired.sort();
    assert_eq!(fired, ["a@20 1", "b@20 1"]);
    second.watermark(at(7));
    assert_eq!(second.output(), ["b@7 2"]);
    fires(&mut second, 40, &["c@40 1"]);
}

#[test]
fn results_have_the_time_of_a_timer_in_event_time_alone() {
    let mut harness = Harness::new(alarm(None));
    push(&mut harness, &[("a", Set(20)), ("a", SetEvent(10))]);
    harness.advance_processing_time(at(20));
    harness.watermark(at(10));
    assert_eq!(harness.timed_output(), [("a@20 1".to_owned(), Timestamp::MIN), ("a@10 2".to_owned(), at(10))]);
}

#[test]
fn a_function_can_ask_which_timers_are_set_and_which_one_fires() {
    /// Tells what it knows of timers at 5 in either time.
    #[derive(KeyedOperator)]
    struct Asking;

    impl Asking {
        fn tell(ctx: &KeyedContext<'_, u64>, out: &mut Collector<(Option<TimeDomain>, bool, bool)>) {
            out.emit((ctx.time_domain(), ctx.has_event_timer(at(5)), ctx.has_processing_timer(at(5))));
        }
    }

    impl KeyedProcess for Asking {
        type Key = u64;
        type In = u64;
        type Out = (Option<TimeDomain>, bool, bool);

        fn process(
            &mut self,
            value: u64,
            ctx: &mut KeyedContext<'_, u64>,
            out: &mut Collector<Self::Out>,
        ) -> Result<()> {
            match value {
                0 => ctx.delete_event_timer(at(5)),
                1 => ctx.set_event_timer(at(5)),
                _ => ctx.set_processing_timer(at(5)),
            }
            Self::tell(ctx, out);
            Ok(())
        }

        fn on_timer(
            &mut self,
            _at: Timestamp,
            ctx: &mut KeyedContext<'_, u64>,
            out: &mut Collector<Self::Out>,
        ) -> Result<()> {
            Self::tell(ctx, out);
            Ok(())
        }
    }

    let mut harness = Harness::new(|values: Stream<u64>| values.key_by_owned(|_| 0).apply(Asking::operator()));
    [1, 0, 1, 2].into_iter().for_each(|value| harness.push(value));
    assert_eq!(harness.output(), [(None, true, false), (None, false, false), (None, true, false), (None, true, true)]);
    harness.watermark(at(5));
    assert_eq!(harness.output(), [(Some(TimeDomain::EventTime), false, true)]);
    harness.advance_processing_time(at(5));
    assert_eq!(harness.output(), [(Some(TimeDomain::ProcessingTime), false, false)]);
}

#[test]
fn a_job_waits_for_timers_by_its_own_clock() {
    /// Holds each record for a while.
    #[derive(Clone)]
    struct Hold;

    impl KeyedOperator<u64> for Hold {
        type In = u64;
        type Out = u64;
        type State = (Value<u64>,);

        fn states(&self) -> Vec<StateSpec> {
            vec![StateSpec::new("held")]
        }

        fn new_state(&self) -> Self::State {
            Self::State::default()
        }

        fn process(
            &mut self,
            value: u64,
            (held,): &mut Self::State,
            ctx: &mut KeyedContext<'_, u64>,
            _out: &mut Collector<u64>,
        ) -> Result<()> {
            held.set(value);
            ctx.set_processing_timer(ctx.processing_time().saturating_add(Duration::from_millis(20)));
            Ok(())
        }

        fn on_timer(
            &mut self,
            instant: Timestamp,
            (held,): &mut Self::State,
            ctx: &mut KeyedContext<'_, u64>,
            out: &mut Collector<u64>,
        ) -> Result<()> {
            assert!(instant <= ctx.processing_time(), "fired early");
            out.extend(held.take());
            Ok(())
        }
    }

    let env = Environment::new("hold");
    // A record each 10 ms, so that most timers are due before the input ends.
    let slowly = millstream::connector::GeneratorSource::new(20, |index| index).rate(100.0);
    let out = env.source(slowly).key_by(|n| n).process("hold", Hold).collect();
    env.execute().unwrap();
    let held = out.take_sorted();
    assert!(held.len() > 5, "{held:?}");
    assert_eq!(held, (0..held.len() as u64).collect::<Vec<_>>());
}

/// Notes what the context answers, in every call that gets one.
#[derive(Clone, Default)]
struct Curious {
    answers: Arc<Mutex<Vec<String>>>,
}

fn answers(ctx: &Context<'_>) -> String {
    format!(
        "{} {}/{} attempt {} at {:?} watermark {} now {}",
        ctx.job_name(),
        ctx.subtask_index(),
        ctx.parallelism(),
        ctx.attempt(),
        ctx.timestamp().map(Timestamp::as_millis),
        ctx.watermark().as_millis(),
        ctx.processing_time().as_millis(),
    )
}

impl Curious {
    fn note(&self, call: &str, ctx: &Context<'_>) {
        self.answers.lock().expect("no test panics while it answers").push(format!("{call}: {}", answers(ctx)));
    }
}

impl KeyedOperator<u64> for Curious {
    type In = u64;
    type Out = (u64, bool);
    type State = ();

    fn states(&self) -> Vec<StateSpec> {
        Vec::new()
    }

    fn new_state(&self) {}

    fn open(&mut self, ctx: &mut Context<'_>) -> Result<()> {
        self.note("open", ctx);
        Ok(())
    }

    fn process(
        &mut self,
        _value: u64,
        _state: &mut (),
        ctx: &mut KeyedContext<'_, u64>,
        _out: &mut Collector<(u64, bool)>,
    ) -> Result<()> {
        self.note(&format!("process {}", ctx.key()), ctx);
        ctx.set_event_timer(at(250));
        Ok(())
    }

    fn on_timer(
        &mut self,
        _instant: Timestamp,
        _state: &mut (),
        ctx: &mut KeyedContext<'_, u64>,
        _out: &mut Collector<(u64, bool)>,
    ) -> Result<()> {
        self.note(&format!("timer {}", ctx.key()), ctx);
        Ok(())
    }

    fn close(&mut self, ctx: &mut Context<'_>, _out: &mut Collector<(u64, bool)>) -> Result<()> {
        self.note("close", ctx);
        Ok(())
    }
}

#[test]
fn the_context_tells_where_and_when_it_is() {
    let curious = Curious::default();
    let mut harness =
        Harness::new(|records: Stream<u64>| records.key_by_owned(|n| n % 10).process("curious", curious.clone()));
    harness.push(7);
    harness.advance_processing_time(at(5));
    harness.watermark(at(100));
    harness.push_at(18, at(200));
    harness.settle();
    harness.end();
    let end = i64::MAX;
    assert_eq!(
        *curious.answers.lock().unwrap(),
        [
            format!("open: harness 0/1 attempt 0 at None watermark {} now 0", i64::MIN),
            format!("process 7: harness 0/1 attempt 0 at None watermark {} now 0", i64::MIN),
            "process 8: harness 0/1 attempt 0 at Some(200) watermark 100 now 5".to_owned(),
            format!("timer 7: harness 0/1 attempt 0 at Some(250) watermark {end} now 5"),
            format!("timer 8: harness 0/1 attempt 0 at Some(250) watermark {end} now 5"),
            format!("close: harness 0/1 attempt 0 at None watermark {end} now 5"),
        ]
    );
}

#[test]
fn each_subtask_knows_its_number() {
    let curious = Curious::default();
    let env = Environment::new("numbered");
    env.set_parallelism(3);
    env.from_collection(0..30u64).key_by(|n| n).process("curious", curious.clone()).collect();
    env.execute().unwrap();
    let answers = curious.answers.lock().unwrap();
    for subtask in 0..3 {
        let opened = format!("open: numbered {subtask}/3 attempt 0 at None");
        assert_eq!(answers.iter().filter(|answer| answer.starts_with(&opened)).count(), 1, "{answers:?}");
    }
    assert_eq!(answers.iter().filter(|answer| answer.starts_with("process")).count(), 30);
}
