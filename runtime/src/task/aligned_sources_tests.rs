//! How sources wait for one another.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::enumerate::enumerator_factory;
use super::step::Head;
use super::{AnyEnumerator, SourceDriver, Step, Task};
use crate::channel::Batch;
use crate::connector::{GeneratorSource, ReaderContext};
use crate::graph::{Downstream, NodeContext};
use crate::observe::OperatorMetrics;
use crate::operator::beside::RunHere;
use crate::operator::watermarks::WatermarkStage;
use crate::operator::{AnyStage, BoxStage, Progress, Shares, Signal, Stage, TaskContext, TaskInfo, Wake};
use crate::state::{StateError, TaskCapture, TaskSnapshot};
use crate::time::{Clock, ManualClock, Timestamp, WatermarkStrategy};

struct NoWake;

impl Wake for NoWake {
    fn wake(&self) {}
}

/// Notes the event times of records.
struct Note(Rc<RefCell<Vec<i64>>>);

impl Stage<i64> for Note {
    fn push(&mut self, batch: &mut Batch<i64>) -> Progress {
        self.0.borrow_mut().extend(batch.times().iter().map(|time| time.as_millis()));
        batch.clear();
        Ok(())
    }

    fn signal(&mut self, _: &Signal) -> Progress {
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

/// Records that a source gives.
const RECORDS: u64 = 2000;
/// Records in a millisecond that all readers of a source give.
const RATE: f64 = 1.0;
/// As many as a source gives at once: while it is held, the limit of its rate saves up for 100 ms.
const AT_ONCE: i64 = 100;

/// A source's only subtask.
struct Subtask {
    task: Task,
    enumerator: Box<dyn AnyEnumerator>,
    asked: Rc<RefCell<usize>>,
    times: Rc<RefCell<Vec<i64>>>,
    ended: bool,
}

impl Subtask {
    /// Of a source whose event time goes on by so much with each record.
    fn new(pace: i64, drift: Option<i64>, shares: &Shares, clock: &Arc<ManualClock>) -> Self {
        let info = TaskInfo {
            job: "job".into(),
            run: "run".into(),
            subtask: 0,
            parallelism: 1,
            max_parallelism: 1,
            attempt: 0,
            restored: false,
        };
        let dyn_clock = Arc::clone(clock) as Arc<dyn Clock>;
        let context = TaskContext::with_shares(info, (dyn_clock, Arc::new(NoWake), Arc::new(RunHere)), shares.clone());
        let asked = Rc::new(RefCell::new(0));
        let asks = Rc::clone(&asked);
        let node = NodeContext {
            node: 0,
            uid: "source".into(),
            task: Rc::clone(&context),
            metrics: OperatorMetrics::new(0, "source", 0),
            request_splits: Rc::new(move || *asks.borrow_mut() += 1),
        };
        let times = Rc::new(RefCell::new(Vec::new()));
        let mut strategy = WatermarkStrategy::monotonous().interval(Duration::from_millis(1));
        strategy = strategy.timestamps(|time: &i64| Timestamp::from_millis(*time));
        if let Some(drift) = drift {
            strategy = strategy.aligned("all", Duration::from_millis(drift as u64));
        }
        let note: BoxStage<i64> = Box::new(Note(Rc::clone(&times)));
        let behind = Downstream { main: vec![AnyStage::new(note)], ..Downstream::default() };
        let stage: BoxStage<i64> = Box::new(WatermarkStage::new(strategy, &node, behind));
        let source = GeneratorSource::new(RECORDS, move |index| pace * index as i64);
        let source = Arc::new(source.rate(1000.0 * RATE).clock(Arc::clone(clock) as Arc<dyn Clock>));
        let behind = Downstream { main: vec![AnyStage::new(stage)], ..Downstream::default() };
        let driver = SourceDriver::new(Arc::clone(&source), &node, behind);
        let enumerator = enumerator_factory(source)(None).unwrap();
        let task = Task::new(context, Arc::default(), Head::Source(Box::new(driver)), Default::default());
        Self { task, enumerator, asked, times, ended: false }
    }

    /// Does all that there is to do now.
    fn run(&mut self) {
        loop {
            for _ in 0..self.asked.take() {
                let answer = self.enumerator.next(&ReaderContext { subtask: 0, parallelism: 1 });
                self.task.assign(answer);
            }
            match self.task.step().unwrap_or_else(|_| panic!("the task fails")) {
                Step::Again => {}
                Step::Idle(_) if *self.asked.borrow() > 0 => {}
                Step::Idle(_) | Step::Blocked(_) => return,
                Step::Finished => {
                    self.ended = true;
                    return;
                }
            }
        }
    }

    fn reached(&self) -> i64 {
        self.times.borrow().iter().max().copied().unwrap_or(0)
    }
}

/// Runs a source beside one whose event time goes ten times as fast; answers how far that was ahead at the most.
fn lead(drift: Option<i64>) -> i64 {
    let (clock, shares) = (Arc::new(ManualClock::default()), Shares::default());
    let [mut slow, mut fast] = [10, 100].map(|pace| Subtask::new(pace, drift, &shares, &clock));
    let mut lead = 0;
    for now in 1..10_000 {
        clock.advance_to(Timestamp::from_millis(now));
        slow.run();
        fast.run();
        if !slow.ended {
            lead = lead.max(fast.reached() - slow.reached());
        }
        if slow.ended && fast.ended {
            assert_eq!([slow.times.borrow().len(), fast.times.borrow().len()], [RECORDS as usize; 2]);
            return lead;
        }
    }
    panic!("the sources wait for each other for ever");
}

#[test]
fn a_source_that_is_ahead_waits_for_the_other_of_its_group() {
    let drift = 20_000;
    let (free, aligned) = (lead(None), lead(Some(drift)));
    assert!(free > 2 * drift, "{free}");
    assert!((drift..=drift + 100 * AT_ONCE).contains(&aligned), "{aligned}");
}
