//! How a stream's watermarks come about from those of its splits.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::beside::RunHere;
use super::watermarks::WatermarkStage;
use super::{AnyStage, BoxStage, Progress, Signal, SplitStart, Stage, Stop, TaskContext, TaskInfo, Wake};
use crate::channel::{Batch, Origin};
use crate::graph::{Downstream, NodeContext};
use crate::observe::OperatorMetrics;
use crate::state::{StateError, TaskCapture, TaskSnapshot};
use crate::time::{Clock, ManualClock, Timestamp, WatermarkStrategy};

/// What comes out of the stage.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Event {
    Record(i64),
    Watermark(i64),
    Idle,
    Active,
    End,
}

use Event::{Active, End, Idle, Record, Watermark};

/// Refuses every so many calls; none if zero.
#[derive(Default)]
struct Seen {
    events: Vec<Event>,
    refuse_every: usize,
    calls: usize,
}

impl Seen {
    fn refuses(&mut self) -> bool {
        self.calls += 1;
        self.refuse_every > 0 && self.calls.is_multiple_of(self.refuse_every)
    }
}

struct Keep(Rc<RefCell<Seen>>);

impl Stage<i64> for Keep {
    fn push(&mut self, batch: &mut Batch<i64>) -> Progress {
        let mut seen = self.0.borrow_mut();
        let mut records = batch.consume();
        loop {
            // A stage may also block after a part of a batch.
            if seen.refuses() {
                return Err(Stop::Blocked);
            }
            if records.next_value().is_none() {
                return Ok(());
            }
            seen.events.push(Record(records.time().as_millis()));
        }
    }

    fn signal(&mut self, signal: &Signal) -> Progress {
        let mut seen = self.0.borrow_mut();
        let event = match signal {
            Signal::Watermark(watermark) => Watermark(watermark.as_millis()),
            Signal::Idle => Idle,
            Signal::Active => Active,
            Signal::End => End,
            _ => return Ok(()),
        };
        if seen.refuses() {
            return Err(Stop::Blocked);
        }
        seen.events.push(event);
        Ok(())
    }

    fn open(&mut self) -> Progress {
        Ok(())
    }

    fn snapshot(&mut self, _: &mut TaskCapture) -> Result<(), StateError> {
        Ok(())
    }

    fn restore(&mut self, _: &TaskSnapshot) -> Result<(), StateError> {
        Ok(())
    }
}

struct NoWake;

impl Wake for NoWake {
    fn wake(&self) {}
}

/// The stage with its clock and what is behind it.
struct Driver {
    stage: WatermarkStage<i64>,
    task: Rc<TaskContext>,
    clock: Arc<ManualClock>,
    seen: Rc<RefCell<Seen>>,
    /// The splits that the stage knows of.
    started: BTreeSet<u32>,
}

impl Driver {
    fn new(strategy: WatermarkStrategy<i64>) -> Self {
        let info = TaskInfo {
            job: "job".into(),
            subtask: 0,
            parallelism: 1,
            max_parallelism: 1,
            run: "run".into(),
            attempt: 0,
            restored: false,
        };
        let clock = Arc::new(ManualClock::default());
        let task = TaskContext::new(info, Arc::clone(&clock) as Arc<dyn Clock>, Arc::new(NoWake), Arc::new(RunHere));
        let ctx = NodeContext {
            node: 0,
            uid: "watermarks".into(),
            task: Rc::clone(&task),
            metrics: OperatorMetrics::new(0, "watermarks", 0),
            request_splits: Rc::new(|| {}),
        };
        let seen = Rc::new(RefCell::new(Seen::default()));
        let next: BoxStage<i64> = Box::new(Keep(Rc::clone(&seen)));
        let downstream = Downstream { main: vec![AnyStage::new(next)], ..Downstream::default() };
        Self { stage: WatermarkStage::new(strategy, &ctx, downstream), task, clock, seen, started: BTreeSet::new() }
    }

    /// The same call, until it goes through.
    fn insist(&mut self, mut call: impl FnMut(&mut WatermarkStage<i64>) -> Progress) {
        for _ in 0..10_000 {
            match call(&mut self.stage) {
                Ok(()) => return,
                Err(Stop::Blocked) => {}
                Err(Stop::Failed(error)) => panic!("{error}"),
            }
        }
        panic!("blocked for ever");
    }

    /// Pushes a batch of a split, which as in a job has been announced, and in which each value is its own event time.
    fn push(&mut self, split: u32, values: &[i64]) {
        if !self.started.contains(&split) {
            self.signal(&start(split));
        }
        let mut batch = Batch::new();
        values.iter().for_each(|value| batch.push(*value));
        batch.set_origin(Some(Origin::new(split, NAME.into(), |_| String::new())));
        self.insist(|stage| stage.push(&mut batch));
        assert!(batch.is_empty());
    }

    fn signal(&mut self, signal: &Signal) {
        match signal {
            Signal::SplitsStart(splits) => self.started.extend(splits.iter().map(|split| split.number)),
            Signal::SplitEnd(number) => drop(self.started.remove(number)),
            _ => {}
        }
        self.insist(|stage| stage.signal(signal));
    }

    /// Moves the clock on; as a subtask does, calls the stage only if it has asked for that.
    fn advance(&mut self, now: i64) {
        self.clock.advance_to(at(now));
        let deadline = self.task.take_deadline();
        if deadline <= at(now) {
            self.signal(&Signal::ProcessingTime(at(now)));
        } else {
            self.task.wake_at(deadline);
        }
    }

    fn take(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.seen.borrow_mut().events)
    }

    fn take_signals(&mut self) -> Vec<Event> {
        let events = self.take();
        events.into_iter().filter(|event| !matches!(event, Record(_))).collect()
    }

    fn snapshot(&mut self) -> TaskSnapshot {
        let mut snapshot = TaskCapture::default();
        self.stage.snapshot(&mut snapshot).unwrap();
        snapshot.complete().unwrap()
    }
}

/// All splits are of one file, whose name tells nothing.
const NAME: &str = "file";

fn id_of(split: u32) -> Arc<str> {
    format!("split {split}").into()
}

fn start(split: u32) -> Signal {
    start_as(&[(split, split)])
}

/// Splits that this subtask numbers otherwise than another did: each with its number here and there.
fn start_as(splits: &[(u32, u32)]) -> Signal {
    Signal::SplitsStart(splits.iter().map(|(number, was)| SplitStart { number: *number, id: id_of(*was) }).collect())
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Watermarks a second behind the highest event time, every 200 ms.
fn periodic() -> WatermarkStrategy<i64> {
    let strategy = WatermarkStrategy::bounded_out_of_orderness(millis(1000));
    strategy.timestamps(|value| at(*value)).interval(millis(200)).idle_after(millis(5000))
}

/// A watermark after each record whose event time is a multiple of ten.
fn punctuated() -> WatermarkStrategy<i64> {
    WatermarkStrategy::punctuated(|value: &i64, time| (value % 10 == 0).then_some(time)).timestamps(|value| at(*value))
}

#[test]
fn a_periodic_watermark_comes_once_per_interval_in_which_there_were_records() {
    let mut driver = Driver::new(periodic());
    driver.push(0, &[5000, 4000]);
    driver.advance(199);
    assert_eq!(driver.take(), [Record(5000), Record(4000)]);
    driver.push(0, &[6000]);
    driver.advance(200);
    assert_eq!(driver.take(), [Record(6000), Watermark(4999)]);
    assert_eq!(driver.task.take_deadline(), Timestamp::MAX, "asks to be called without records");
    driver.push(0, &[5500]);
    driver.advance(400);
    assert_eq!(driver.take(), [Record(5500)], "the same watermark again");
}

#[test]
fn the_slowest_split_holds_the_watermark_back() {
    let mut driver = Driver::new(periodic());
    driver.push(0, &[9000]);
    driver.push(1, &[3000]);
    driver.advance(200);
    assert_eq!(driver.take_signals(), [Watermark(1999)]);
    driver.push(0, &[20_000]);
    driver.advance(400);
    assert_eq!(driver.take_signals(), []);
    driver.push(1, &[10_000]);
    driver.advance(600);
    assert_eq!(driver.take_signals(), [Watermark(8999)]);
}

#[test]
fn a_split_that_has_not_been_read_yet_holds_the_watermark_back() {
    let mut driver = Driver::new(punctuated());
    driver.signal(&start(0));
    driver.signal(&start(1));
    driver.push(0, &[100, 200]);
    assert_eq!(driver.take_signals(), []);
    driver.push(1, &[50]);
    assert_eq!(driver.take_signals(), [Watermark(50)]);
}

#[test]
fn an_ended_split_holds_nobody_back() {
    let mut driver = Driver::new(punctuated());
    driver.push(0, &[10]);
    driver.push(1, &[90]);
    assert_eq!(driver.take_signals(), [Watermark(10)]);
    driver.signal(&Signal::SplitEnd(0));
    assert_eq!(driver.take_signals(), [Watermark(90)]);
    driver.signal(&Signal::SplitEnd(1));
    driver.push(2, &[20, 100]);
    assert_eq!(driver.take_signals(), [Watermark(100)], "time went back");
}

#[test]
fn an_idle_split_is_left_out_after_the_timeout() {
    let mut driver = Driver::new(periodic());
    driver.push(0, &[3000]);
    driver.push(1, &[9000]);
    driver.advance(200);
    driver.signal(&Signal::SplitIdle(0));
    assert_eq!(driver.take_signals(), [Watermark(1999)]);
    driver.advance(5199);
    assert_eq!(driver.take_signals(), []);
    driver.advance(5200);
    assert_eq!(driver.take_signals(), [Watermark(7999)]);
}

#[test]
fn a_split_that_speaks_again_does_not_move_time_back() {
    let mut driver = Driver::new(periodic());
    driver.push(0, &[3000]);
    driver.push(1, &[9000]);
    driver.signal(&Signal::SplitIdle(0));
    driver.advance(200);
    driver.advance(5000);
    assert_eq!(driver.take_signals(), [Watermark(1999), Watermark(7999)]);
    driver.push(0, &[4000]);
    driver.push(1, &[30_000]);
    driver.advance(5200);
    assert_eq!(driver.take_signals(), [], "it holds back what is to come, and takes nothing back");
    driver.push(0, &[20_000]);
    driver.advance(5400);
    assert_eq!(driver.take_signals(), [Watermark(18_999)]);
}

#[test]
fn a_record_ends_the_silence_of_its_split() {
    let mut driver = Driver::new(periodic());
    driver.push(0, &[3000]);
    driver.push(1, &[9000]);
    driver.signal(&Signal::SplitIdle(0));
    driver.advance(4000);
    driver.push(0, &[3100]);
    driver.advance(8000);
    assert_eq!(driver.take_signals(), [Watermark(1999), Watermark(2099)]);
}

#[test]
fn a_split_that_was_never_read_can_be_idle_too() {
    let mut driver = Driver::new(punctuated().idle_after(millis(5000)));
    driver.signal(&start(0));
    driver.signal(&start(1));
    driver.push(0, &[10]);
    driver.signal(&Signal::SplitIdle(1));
    driver.advance(5000);
    assert_eq!(driver.take_signals(), [Watermark(10)]);
}

#[test]
fn the_stream_is_idle_when_all_splits_are_until_one_speaks() {
    let mut driver = Driver::new(periodic());
    driver.push(0, &[3000]);
    driver.push(1, &[9000]);
    driver.advance(200);
    driver.signal(&Signal::SplitIdle(0));
    driver.signal(&Signal::SplitIdle(1));
    driver.advance(5200);
    driver.push(1, &[9500]);
    driver.advance(5400);
    assert_eq!(driver.take_signals(), [Watermark(1999), Watermark(7999), Idle, Active, Watermark(8499)]);
}

#[test]
fn a_split_that_is_never_idle_holds_the_watermark_back_for_ever() {
    let mut driver = Driver::new(periodic().never_idle());
    driver.push(0, &[3000]);
    driver.push(1, &[9000]);
    driver.signal(&Signal::SplitIdle(0));
    driver.advance(200);
    driver.advance(1_000_000_000);
    assert_eq!(driver.take_signals(), [Watermark(1999)]);
}

#[test]
fn a_punctuated_watermark_takes_effect_between_its_record_and_the_next() {
    let values = [1, 10, 2, 3, 20, 15, 30, 30, 31];
    let expected = [1, 10, -10, 2, 3, 20, -20, 15, 30, -30, 30, 31];
    let expected: Vec<Event> =
        expected.iter().map(|event| if *event < 0 { Watermark(-event) } else { Record(*event) }).collect();
    for size in 1..=values.len() {
        for refuse_every in [0, 2, 3, 4, 5, 7] {
            let mut driver = Driver::new(punctuated());
            driver.seen.borrow_mut().refuse_every = refuse_every;
            values.chunks(size).for_each(|chunk| driver.push(0, chunk));
            // The last batch of a blocked stage goes out with the next call.
            driver.signal(&Signal::Flush);
            assert_eq!(driver.take(), expected, "batches of {size}, blocked every {refuse_every} calls");
        }
    }
}

#[test]
fn ingestion_time_is_the_time_of_coming_in() {
    let mut driver = Driver::new(WatermarkStrategy::monotonous().ingestion_time());
    driver.clock.advance_to(at(70));
    driver.push(0, &[1, 2]);
    driver.advance(90);
    driver.push(0, &[3]);
    driver.advance(270);
    assert_eq!(driver.take(), [Record(70), Record(70), Record(90), Watermark(89)]);
}

#[test]
fn watermarks_from_further_up_are_replaced_but_for_the_last() {
    let mut driver = Driver::new(periodic());
    driver.signal(&Signal::Watermark(at(77)));
    driver.push(0, &[5000]);
    driver.signal(&Signal::Watermark(at(88_888)));
    driver.signal(&Signal::Watermark(Timestamp::MAX));
    driver.signal(&Signal::End);
    assert_eq!(driver.take(), [Record(5000), Watermark(i64::MAX), End]);
}

#[test]
fn a_restored_split_goes_on_where_its_watermark_stood() {
    let mut first = Driver::new(periodic());
    first.push(0, &[9000]);
    first.push(1, &[3000]);
    first.advance(200);
    let snapshot = first.snapshot();

    let mut second = Driver::new(periodic());
    second.stage.restore(&snapshot).unwrap();
    second.insist(Stage::open);
    assert_eq!(second.take_signals(), [Watermark(1999)]);
    // Numbers are given anew; a split is known by its id.
    second.signal(&start_as(&[(7, 0), (8, 1)]));
    second.push(7, &[5000]);
    second.advance(200);
    assert_eq!(second.take_signals(), [], "the other split still holds it at 1999");
    second.push(8, &[50_000]);
    second.advance(400);
    assert_eq!(second.take_signals(), [Watermark(7999)], "what the first had said holds still");
}

#[test]
fn what_was_restored_is_handed_on_when_the_stage_opens() {
    let mut first = Driver::new(periodic());
    first.push(0, &[9000]);
    first.advance(200);
    let snapshot = first.snapshot();
    for refuse_every in [0, 1, 2] {
        let mut second = Driver::new(periodic());
        second.stage.restore(&snapshot).unwrap();
        second.seen.borrow_mut().refuse_every = refuse_every;
        // With every call refused, nothing ever goes through; the stage then still owes it.
        if refuse_every == 1 {
            assert!(matches!(second.stage.open(), Err(Stop::Blocked)));
            second.seen.borrow_mut().refuse_every = 0;
        }
        second.insist(Stage::open);
        assert_eq!(second.take(), [Watermark(7999)]);
    }
    let mut new = Driver::new(periodic());
    new.insist(Stage::open);
    assert_eq!(new.take(), []);
}

#[test]
fn no_split_is_restored_higher_than_it_was_at_any_parallelism() {
    // The splits of one file, of which the first subtask reads two and the second one.
    let mut first = Driver::new(periodic());
    first.push(0, &[20_000]);
    first.push(1, &[9000]);
    first.advance(200);
    let mut second = Driver::new(periodic());
    second.push(2, &[3000]);
    second.advance(200);
    let snapshot = TaskSnapshot::merge([first.snapshot(), second.snapshot()]);

    for order in [[0, 1, 2], [2, 1, 0]] {
        let mut alone = Driver::new(periodic());
        alone.stage.restore(&snapshot).unwrap();
        alone.insist(Stage::open);
        assert_eq!(alone.take(), [Watermark(1999)]);
        alone.signal(&start_as(&[(0, order[0]), (1, order[1]), (2, order[2])]));
        alone.push(0, &[0]);
        alone.push(1, &[0]);
        alone.push(2, &[0]);
        alone.signal(&Signal::SplitEnd(order.iter().position(|was| *was == 2).unwrap() as u32));
        assert_eq!(alone.take_signals(), [Watermark(7999)]);
        alone.signal(&Signal::SplitEnd(1));
        assert_eq!(alone.take_signals(), [Watermark(18_999)]);
    }
}

#[test]
fn what_a_split_had_is_not_taken_back_by_subtasks_that_only_know_what_it_had_before() {
    let mut first = Driver::new(periodic());
    first.push(0, &[9000]);
    first.advance(200);
    let before = first.snapshot();
    first.push(0, &[20_000]);
    first.advance(400);
    // The second has been restored and has got no split yet.
    let mut second = Driver::new(periodic());
    second.stage.restore(&before).unwrap();
    for snapshots in [[first.snapshot(), second.snapshot()], [second.snapshot(), first.snapshot()]] {
        let mut third = Driver::new(periodic());
        third.stage.restore(&TaskSnapshot::merge(snapshots)).unwrap();
        third.signal(&start(0));
        assert_eq!(third.take_signals(), [Watermark(7999), Watermark(18_999)]);
    }
}

#[test]
fn a_stream_without_splits_is_restored_as_far_as_its_slowest_subtask() {
    let snapshots = [9000, 3000].map(|time| {
        let mut one = Driver::new(punctuated());
        let mut batch = Batch::new();
        batch.push(time);
        one.insist(|stage| stage.push(&mut batch));
        one.snapshot()
    });
    for snapshots in [snapshots.clone(), [snapshots[1].clone(), snapshots[0].clone()]] {
        let mut restored = Driver::new(punctuated());
        restored.stage.restore(&TaskSnapshot::merge(snapshots)).unwrap();
        restored.insist(Stage::open);
        let mut batch = Batch::new();
        batch.push(3001);
        restored.insist(|stage| stage.push(&mut batch));
        assert_eq!(restored.take_signals(), [Watermark(3000)]);
    }
}

#[test]
fn a_snapshot_keeps_what_was_restored_and_not_yet_seen() {
    let mut first = Driver::new(periodic());
    first.push(0, &[9000]);
    first.advance(200);
    let mut second = Driver::new(periodic());
    second.stage.restore(&first.snapshot()).unwrap();
    let mut third = Driver::new(periodic());
    third.stage.restore(&second.snapshot()).unwrap();
    third.insist(Stage::open);
    third.signal(&start(0));
    third.push(0, &[8500]);
    third.signal(&start(1));
    third.push(1, &[60_000]);
    third.advance(200);
    assert_eq!(third.take_signals(), [Watermark(7999)], "split 0 has not got on");
    third.push(0, &[9500]);
    third.advance(400);
    assert_eq!(third.take_signals(), [Watermark(8499)]);
}

#[derive(Debug, Clone)]
enum Step {
    Push(u32, Vec<i64>),
    Advance(i64),
    Start(u32),
    Silent(u32),
    End(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..4u32, prop::collection::vec(0..3000i64, 1..9)).prop_map(|(split, values)| Step::Push(split, values)),
        3 => (1..4000i64).prop_map(Step::Advance),
        1 => (0..4u32).prop_map(Step::Start),
        1 => (0..4u32).prop_map(Step::Silent),
        1 => (0..4u32).prop_map(Step::End),
    ];
    prop::collection::vec(step, 1..40)
}

fn events_of(strategy: WatermarkStrategy<i64>, steps: &[Step], refuse_every: usize) -> Vec<Event> {
    let mut driver = Driver::new(strategy);
    driver.seen.borrow_mut().refuse_every = refuse_every;
    let mut now = 0;
    for step in steps {
        match step {
            Step::Push(split, values) => driver.push(*split, values),
            Step::Advance(by) => {
                now += by;
                driver.advance(now);
            }
            Step::Start(split) => driver.signal(&start(*split)),
            Step::Silent(split) => driver.signal(&Signal::SplitIdle(*split)),
            Step::End(split) => driver.signal(&Signal::SplitEnd(*split)),
        }
    }
    driver.signal(&Signal::Watermark(Timestamp::MAX));
    driver.take()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_output_that_blocks_changes_nothing(steps in steps(), refuse_every in 2..9usize) {
        for strategy in [periodic, punctuated] {
            let blocked = events_of(strategy(), &steps, refuse_every);
            prop_assert_eq!(blocked, events_of(strategy(), &steps, 0));
        }
    }

    #[test]
    fn watermarks_never_go_back(steps in steps()) {
        for strategy in [periodic, punctuated] {
            let events = events_of(strategy(), &steps, 0);
            let watermarks = events.iter().filter_map(|event| match event {
                Watermark(watermark) => Some(*watermark),
                _ => None,
            });
            prop_assert!(watermarks.is_sorted());
        }
    }
}
