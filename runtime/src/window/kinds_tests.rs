//! Each kind of window, and each trigger, by example.

use std::time::Duration;

use super::{
    AssignWindows, AssignerContext, CountTrigger, CountWindow, CustomWindows, DeltaTrigger, EventTimeTrigger, Global,
    ProcessWindow, ProcessingTimeTrigger, PurgingTrigger, Session, Sliding, TimeWindow, Trigger, TriggerContext,
    TriggerResult, Tumbling, WindowContext, WindowStates,
};
use crate::error::Result;
use crate::operator::{Collector, OnError, OutputTag};
use crate::state::{StateSpec, Ttl, Value};
use crate::stream::{Environment, Stream, WindowedStream};
use crate::testing::Harness;
use crate::time::Timestamp;

/// A key and a number.
type Item = (char, i64);

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// The numbers in each window that fires, with its start, end and revision.
type Contents = (i64, i64, u32, Vec<i64>);

fn contents(windowed: WindowedStream<char, Item>) -> Stream<Contents> {
    windowed.process(|_, window, records, out| {
        let numbers = records.into_iter().map(|record| record.1).collect();
        out.emit((window.start().as_millis(), window.end().as_millis(), window.revision(), numbers));
    })
}

fn numbers(harness: &mut Harness<Item, Contents>) -> Vec<Vec<i64>> {
    harness.output().into_iter().map(|contents| contents.3).collect()
}

#[test]
fn count_windows_fire_when_full_and_start_anew() {
    let job = |s: Stream<Item>| contents(s.key_by(|item| &item.0).window(CountWindow::tumbling(2)));
    let mut harness = Harness::new(job);
    for (key, number) in [('a', 1), ('b', 2), ('a', 3), ('a', 4)] {
        harness.push((key, number));
    }
    assert_eq!(numbers(&mut harness), [[1, 3]]);
    // The count is in the snapshot.
    let mut restored = Harness::restored(job, 2, &harness.snapshot());
    restored.push(('a', 5));
    restored.push(('b', 6));
    restored.push(('b', 7));
    let mut fired = numbers(&mut restored);
    fired.sort_unstable();
    assert_eq!(fired, [[2, 6], [4, 5]]);
    restored.end();
    assert!(numbers(&mut restored).is_empty(), "a window that is not full does not fire");
}

#[test]
fn sliding_count_windows_hold_the_last_records() {
    let job = |s: Stream<Item>| contents(s.key_by(|item| &item.0).window(CountWindow::sliding(3, 2)));
    let mut harness = Harness::new(job);
    (1..=3).for_each(|number| harness.push(('a', number)));
    let mut restored = Harness::restored(job, 1, &harness.snapshot());
    (4..=6).for_each(|number| restored.push(('a', number)));
    let fired: Vec<Vec<i64>> = numbers(&mut harness).into_iter().chain(numbers(&mut restored)).collect();
    assert_eq!(fired, [vec![1, 2], vec![2, 3, 4], vec![4, 5, 6]]);
}

#[test]
fn a_global_window_fires_only_by_its_trigger() {
    let mut harness = Harness::new(|s: Stream<Item>| contents(s.key_by(|item| &item.0).window(Global)));
    harness.push(('a', 1));
    harness.end();
    assert!(numbers(&mut harness).is_empty());
}

#[test]
fn a_purging_trigger_drops_what_has_fired() {
    let job = |s: Stream<Item>| {
        let windows = s.key_by(|item| &item.0).window(Tumbling::of(millis(10)));
        contents(windows.trigger(PurgingTrigger::of(EventTimeTrigger)).allowed_lateness(millis(100)))
    };
    let mut harness = Harness::new(job);
    harness.push_at(('a', 1), at(1));
    harness.watermark(at(9));
    harness.push_at(('a', 2), at(2));
    assert_eq!(harness.output(), [(0, 10, 0, vec![1]), (0, 10, 1, vec![2])]);
}

#[test]
fn a_count_trigger_fires_within_a_time_window_but_not_at_its_end() {
    let job = |s: Stream<Item>| {
        contents(s.key_by(|item| &item.0).window(Tumbling::of(millis(10))).trigger(CountTrigger::of(2)))
    };
    let mut harness = Harness::new(job);
    for time in [1, 2, 3, 4, 5, 11, 12] {
        harness.push_at(('a', time), at(time));
    }
    harness.end();
    let expected = [(0, 10, 0, vec![1, 2]), (0, 10, 1, vec![1, 2, 3, 4]), (10, 20, 0, vec![11, 12])];
    assert_eq!(harness.output(), expected);
}

#[test]
fn counts_of_merged_sessions_add_up() {
    let job = |s: Stream<Item>| {
        contents(s.key_by(|item| &item.0).window(Session::gap(millis(10))).trigger(CountTrigger::of(3)))
    };
    let mut harness = Harness::new(job);
    for time in [0, 15, 8] {
        harness.push_at(('a', time), at(time));
    }
    assert_eq!(harness.output(), [(0, 25, 0, vec![0, 15, 8])]);
}

#[test]
fn sessions_may_have_gaps_of_their_own() {
    let job = |s: Stream<Item>| {
        let gap = Session::dynamic_gap(|item: &Item| millis(item.1 as u64));
        contents(s.key_by(|item| &item.0).window(gap))
    };
    let mut harness = Harness::new(job);
    for (time, gap) in [(0, 5), (4, 100), (50, 1), (110, 5)] {
        harness.push_at(('a', gap), at(time));
    }
    harness.end();
    assert_eq!(harness.output(), [(0, 104, 0, vec![5, 100, 1]), (110, 115, 0, vec![5])]);
}

#[test]
fn a_gap_of_nothing_fails_the_job() {
    let job =
        |s: Stream<Item>| contents(s.key_by(|item| &item.0).window(Session::dynamic_gap(|_: &Item| Duration::ZERO)));
    let mut harness = Harness::new(job);
    harness.push_at(('a', 1), at(7));
    let error = harness.try_settle().unwrap_err().to_string();
    assert!(error.contains("the session gap of a record is 0ns: it must be at least one millisecond"), "{error}");
}

#[test]
fn a_record_without_event_time_fails_windows_in_event_time() {
    let job = |s: Stream<Item>| contents(s.key_by(|item| &item.0).window(Tumbling::of(millis(10))));
    let mut harness = Harness::new(job);
    harness.push(('a', 1));
    let error = harness.try_settle().unwrap_err().to_string();
    assert!(error.contains("give the stream a watermark strategy"), "{error}");
}

#[track_caller]
fn check_processing_time(job: impl Fn(Stream<Item>) -> Stream<Contents>, first: &[Contents], rest: &[Contents]) {
    let mut harness = Harness::new(&job);
    harness.push(('a', 1));
    harness.advance_processing_time(at(5));
    harness.push(('a', 2));
    harness.advance_processing_time(at(9));
    let mut restored = Harness::restored(&job, 1, &harness.snapshot());
    assert_eq!(harness.output(), []);
    restored.advance_processing_time(at(15));
    assert_eq!(restored.output(), first);
    restored.push(('a', 3));
    restored.advance_processing_time(at(100));
    assert_eq!(restored.output(), rest);
}

#[test]
fn windows_in_processing_time_fire_when_the_clock_has_left_them() {
    let tumbling = Tumbling::of(millis(10)).processing_time();
    check_processing_time(
        |s| contents(s.key_by(|item| &item.0).window(tumbling)),
        &[(0, 10, 0, vec![1, 2])],
        &[(10, 20, 0, vec![3])],
    );
    // A trigger other than the default has them kept key by key.
    check_processing_time(
        |s| contents(s.key_by(|item| &item.0).window(tumbling).trigger(PurgingTrigger::of(ProcessingTimeTrigger))),
        &[(0, 10, 0, vec![1, 2])],
        &[(10, 20, 0, vec![3])],
    );
    check_processing_time(
        |s| contents(s.key_by(|item| &item.0).window(Sliding::of(millis(20), millis(10)).processing_time())),
        &[(-10, 10, 0, vec![1, 2])],
        &[(0, 20, 0, vec![1, 2, 3]), (10, 30, 0, vec![3])],
    );
    check_processing_time(
        |s| contents(s.key_by(|item| &item.0).window(Session::gap(millis(6)).processing_time())),
        &[(0, 11, 0, vec![1, 2])],
        &[(15, 21, 0, vec![3])],
    );
}

#[test]
fn late_records_go_to_the_late_output() {
    const LATE: OutputTag<Item> = OutputTag::new("late");
    let job = |s: Stream<Item>| {
        let windows = s.key_by(|item| &item.0).window(Tumbling::of(millis(10)));
        windows.allowed_lateness(millis(5)).late_output(LATE).count().side_output(LATE)
    };
    let mut harness = Harness::new(job);
    harness.watermark(at(13));
    harness.push_at(('a', 1), at(9));
    harness.watermark(at(14));
    harness.push_at(('a', 2), at(9));
    assert_eq!(harness.timed_output(), [(('a', 2), at(9))]);
}

/// Fires `delay` milliseconds after the first record, by the clock.
struct Delayed(i64);

impl<T> Trigger<T> for Delayed {
    type State = bool;

    fn on_element(&self, _: &T, _: Timestamp, set: &mut bool, ctx: &mut TriggerContext<'_>) -> TriggerResult {
        if !*set {
            *set = true;
            ctx.set_processing_timer(at(ctx.processing_time().as_millis() + self.0));
        }
        TriggerResult::Continue
    }

    fn on_processing_time(&self, _: Timestamp, set: &mut bool, _: &mut TriggerContext<'_>) -> TriggerResult {
        *set = false;
        TriggerResult::FireAndPurge
    }
}

#[test]
fn timers_of_triggers_survive_a_restore() {
    let job = |s: Stream<Item>| contents(s.key_by(|item| &item.0).window(Global).trigger(Delayed(20)));
    let mut harness = Harness::new(job);
    harness.push(('a', 1));
    harness.push(('a', 2));
    let mut restored = Harness::restored(job, 3, &harness.snapshot());
    restored.advance_processing_time(at(19));
    assert!(numbers(&mut restored).is_empty());
    restored.advance_processing_time(at(20));
    assert_eq!(numbers(&mut restored), [[1, 2]]);
    restored.push(('a', 3));
    restored.advance_processing_time(at(40));
    assert_eq!(numbers(&mut restored), [[3]]);
}

#[test]
fn a_window_function_may_fail() {
    let job = |s: Stream<Item>| {
        let windows = s.key_by(|item| &item.0).window(CountWindow::tumbling(1));
        windows.process(|_, _, records, out| {
            out.emit(u8::try_from(records[0].1)?);
            Ok(())
        })
    };
    let mut harness = Harness::new(job);
    harness.push(('a', 300));
    let error = harness.try_settle().unwrap_err().to_string();
    assert!(error.contains("out of range"), "{error}");
}

#[track_caller]
fn check_invalid(job: impl FnOnce(Stream<Item>), expected: &str) {
    let env = Environment::new("job");
    job(env.from_collection([('a', 1)]));
    let error = env.plan().err().unwrap().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn what_cannot_be_merged_is_refused_by_windows_that_merge() {
    let delta = DeltaTrigger::of(1.0, |a: &Item, b: &Item| (b.1 - a.1) as f64);
    check_invalid(
        |s| drop(contents(s.key_by(|item| &item.0).window(Session::gap(millis(5))).trigger(delta))),
        "cannot be merged, and these windows are when they touch",
    );
    check_invalid(
        |s| drop(s.key_by(|item| &item.0).window(Session::gap(millis(5))).process_window("fired", Fired)),
        "the state `fired` of windows that merge",
    );
}

#[test]
fn windows_of_the_stream_as_a_whole_have_one_subtask() {
    check_invalid(|s| drop(s.count_window_all(2).count().parallelism(2)), "parallelism");
}

/// How often a window fires, by key and window; counts are forgotten after a while.
#[derive(Clone)]
struct Fired;

impl ProcessWindow<char> for Fired {
    type In = Vec<Item>;
    type Out = (u64, u64);
    type State = (Value<u64>,);
    type WindowState = (Value<u64>,);

    fn states(&self) -> Vec<StateSpec> {
        vec![StateSpec::new("total").ttl(Ttl::new(millis(50)))]
    }

    fn window_states(&self) -> Vec<StateSpec> {
        vec![StateSpec::new("fired")]
    }

    fn new_state(&self) -> Self::State {
        Default::default()
    }

    fn new_window_state(&self) -> Self::WindowState {
        Default::default()
    }

    fn process(
        &mut self,
        _: &char,
        _: Vec<Item>,
        states: WindowStates<'_, Self::State, Self::WindowState>,
        _: &mut WindowContext<'_>,
        out: &mut Collector<(u64, u64)>,
    ) -> Result<()> {
        let (total, fired) = (states.key.0.get_or_default(), states.window.0.get_or_default());
        *total += 1;
        *fired += 1;
        out.emit((*total, *fired));
        Ok(())
    }
}

#[test]
fn what_a_window_function_remembers_of_a_key_expires_if_it_says_so() {
    let job = |s: Stream<Item>| {
        let windows = s.key_by(|item| &item.0).window(Global).trigger(CountTrigger::of(1));
        windows.process_window("fired", Fired)
    };
    let mut harness = Harness::new(job);
    harness.push(('a', 1));
    harness.push(('a', 2));
    let mut restored = Harness::restored(job, 2, &harness.snapshot());
    restored.push(('a', 3));
    restored.advance_processing_time(at(60));
    restored.push(('a', 4));
    assert_eq!(harness.output(), [(1, 1), (2, 2)]);
    assert_eq!(restored.output(), [(3, 3), (1, 4)]);
}

/// Assigns what it is told to.
struct Ends(i64);

impl AssignWindows<Item> for Ends {
    fn assign(&self, _: &Item, ctx: &AssignerContext) -> impl IntoIterator<Item = TimeWindow> {
        [TimeWindow::new(ctx.timestamp(), at(self.0))]
    }
}

#[test]
fn a_window_that_does_not_end_after_it_starts_fails_the_job() {
    let job = |s: Stream<Item>| contents(s.key_by(|item| &item.0).window(CustomWindows::of(Ends(5))));
    let mut harness = Harness::new(job);
    harness.push_at(('a', 1), at(5));
    let error = harness.try_settle().unwrap_err().to_string();
    assert!(error.contains("a window must end after it starts"), "{error}");
}

#[test]
fn a_window_whose_function_fails_can_be_skipped() {
    let job = |s: Stream<Item>| {
        let windows = s.key_by(|item| &item.0).window(CountWindow::tumbling(1)).on_error(OnError::Skip);
        windows.process(|_, _, records, out| {
            out.emit(u8::try_from(records[0].1)?);
            Ok(())
        })
    };
    let mut harness = Harness::new(job);
    (254..258).for_each(|number| harness.push(('a', number)));
    assert_eq!(harness.output(), [254, 255]);
}

#[test]
fn wrong_settings_are_reported_when_the_job_is_planned() {
    let env = Environment::new("job");
    let stream = env.from_collection([('a', 1)]).key_by(|item| &item.0);
    stream.window(Tumbling::of(Duration::ZERO)).reduce(|first, _| first).print();
    let error = env.plan().err().unwrap().to_string();
    assert!(error.contains("the window's size is 0ns: it must be at least one millisecond"), "{error}");
}
