//! The stage between two others, without a job around it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;

use super::{BesideStage, Order, RunBeside};
use crate::channel::Batch;
use crate::checkpoint::{Barrier, CheckpointId, Purpose};
use crate::graph::{Downstream, NodeContext};
use crate::observe::OperatorMetrics;
use crate::operator::blocking::BlockingCalls;
use crate::operator::process::OnError;
use crate::operator::{
    AnyStage, BoxStage, Collector, Context, Process, Progress, Signal, Stage, Stop, TaskContext, TaskInfo, Wake,
};
use crate::state::{StateError, TaskCapture, TaskSnapshot};
use crate::time::{ManualClock, Timestamp};

struct NoWake;

impl Wake for NoWake {
    fn wake(&self) {}
}

type Job = Box<dyn FnOnce() + Send>;

/// Runs jobs when told.
#[derive(Clone, Default)]
struct Later(Arc<Mutex<Vec<Job>>>);

impl Later {
    fn run_all(&self) {
        let jobs = std::mem::take(&mut *self.0.lock().unwrap());
        jobs.into_iter().for_each(|job| job());
    }
}

impl RunBeside for Later {
    fn run(&self, job: Job) {
        self.0.lock().unwrap().push(job);
    }

    fn spawn(&self, _future: BoxFuture<'static, ()>) -> Result<(), String> {
        Err("these tests have no futures".to_owned())
    }
}

/// Keeps records, and is blocked the first time that a barrier comes.
#[derive(Clone, Default)]
struct Slow {
    records: Rc<RefCell<Vec<u64>>>,
    barriers: u32,
}

impl Stage<u64> for Slow {
    fn push(&mut self, batch: &mut Batch<u64>) -> Progress {
        self.records.borrow_mut().extend(batch.consume());
        Ok(())
    }

    fn signal(&mut self, signal: &Signal) -> Progress {
        if matches!(signal, Signal::Barrier(_)) {
            self.barriers += 1;
            return if self.barriers == 1 { Err(Stop::Blocked) } else { Ok(()) };
        }
        Ok(())
    }

    fn open(&mut self) -> Progress {
        Ok(())
    }

    fn snapshot(&mut self, _to: &mut TaskCapture) -> Result<(), StateError> {
        Ok(())
    }

    fn restore(&mut self, _from: &TaskSnapshot) -> Result<(), StateError> {
        Ok(())
    }
}

#[derive(Clone)]
struct Same;

impl Process for Same {
    type In = u64;
    type Out = u64;

    fn process(&mut self, value: u64, _ctx: &mut Context<'_>, out: &mut Collector<u64>) -> crate::error::Result<()> {
        out.emit(value);
        Ok(())
    }
}

type Tested = BesideStage<BlockingCalls<Same>>;

/// A stage with room for two records in flight, before `slow`.
fn stage(jobs: &Later, slow: &Slow) -> (Tested, Rc<TaskContext>) {
    let info = TaskInfo {
        job: "job".into(),
        run: "run".into(),
        subtask: 0,
        parallelism: 1,
        max_parallelism: 1,
        attempt: 0,
        restored: false,
    };
    let task = TaskContext::new(info, Arc::new(ManualClock::default()), Arc::new(NoWake), Arc::new(jobs.clone()));
    let ctx = NodeContext {
        node: 0,
        uid: "same".into(),
        task: Rc::clone(&task),
        metrics: OperatorMetrics::new(0, "same", 0),
        request_splits: Rc::new(|| {}),
    };
    let next: BoxStage<u64> = Box::new(slow.clone());
    let downstream = Downstream { main: vec![AnyStage::new(next)], ..Downstream::default() };
    let stage = BesideStage::new(BlockingCalls(Same), OnError::Fail, (Order::Ordered, 2), &ctx, downstream);
    (stage, task)
}

fn barrier() -> Signal {
    Signal::Barrier(Arc::new(Barrier {
        id: CheckpointId(1),
        purpose: Purpose::Checkpoint,
        overtake_at: Timestamp::MAX,
        at_least_once: false,
        released: CheckpointId(0),
    }))
}

fn batch(values: impl IntoIterator<Item = u64>) -> Batch<u64> {
    let mut batch = Batch::new();
    values.into_iter().for_each(|value| batch.push(value));
    batch
}

/// What is in flight or waits, as a snapshot has it.
fn in_flight(stage: &mut Tested) -> Vec<u64> {
    let mut capture = TaskCapture::new(false);
    stage.snapshot(&mut capture).unwrap();
    let snapshot = capture.complete().unwrap();
    let entries: Vec<(u64, Timestamp)> = snapshot.get("same").unwrap().list("in-flight").unwrap();
    entries.into_iter().map(|(value, _)| value).collect()
}

#[test]
fn what_is_done_while_a_barrier_is_blocked_stays_behind_it() {
    let (jobs, slow) = (Later::default(), Slow::default());
    let (mut stage, _) = stage(&jobs, &slow);
    assert!(stage.push(&mut batch([7])).is_ok());
    assert!(matches!(stage.signal(&barrier()), Err(Stop::Blocked)));
    jobs.run_all();
    assert!(stage.signal(&barrier()).is_ok());
    assert!(slow.records.borrow().is_empty(), "the snapshot is not taken yet");
    assert!(stage.signal(&Signal::Flush).is_ok());
    assert_eq!(*slow.records.borrow(), [7]);
}

#[test]
fn a_barrier_overtakes_records_for_which_there_is_no_room() {
    let (jobs, slow) = (Later::default(), Slow { barriers: 1, ..Slow::default() });
    let (mut stage, task) = stage(&jobs, &slow);
    let mut pushed = batch(0..5);
    assert!(matches!(stage.push(&mut pushed), Err(Stop::Blocked)));
    task.set_overtaken(true);
    assert!(stage.push(&mut pushed).is_ok());
    assert!(stage.signal(&barrier()).is_ok());
    assert_eq!(in_flight(&mut stage), [0, 1, 2, 3, 4]);
    task.set_overtaken(false);
    let mut next = batch([5]);
    while stage.push(&mut next).is_err() {
        jobs.run_all();
    }
    jobs.run_all();
    assert!(stage.signal(&Signal::Flush).is_ok());
    assert_eq!(*slow.records.borrow(), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_watermark_waits_for_the_records_before_it_and_the_end_for_all() {
    let (jobs, slow) = (Later::default(), Slow::default());
    let (mut stage, _) = stage(&jobs, &slow);
    assert!(stage.push(&mut batch([1])).is_ok());
    let watermark = Timestamp::from_millis(10);
    assert!(stage.signal(&Signal::Watermark(watermark)).is_ok());
    assert_eq!(stage.around.metrics.watermark(), Timestamp::MIN);
    assert!(matches!(stage.signal(&Signal::End), Err(Stop::Blocked)));
    jobs.run_all();
    assert!(stage.signal(&Signal::End).is_ok());
    assert_eq!(stage.around.metrics.watermark(), watermark);
    assert_eq!(*slow.records.borrow(), [1]);
}
