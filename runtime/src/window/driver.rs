//! Drives one window operator in tests: records, time and snapshots in, results out, through an output that blocks.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::channel::Batch;
use crate::data::Data;
use crate::observe::OperatorMetrics;
use crate::operator::blocking::RunHere;
use crate::operator::{
    BoxStage, Link, Operator, Output, OutputTag, Progress, Side, SideOutputs, Signal, Stage, Stop, TaskContext,
    TaskInfo, Wake,
};
use crate::state::{StateError, TaskCapture, TaskSnapshot};
use crate::time::{ManualClock, Timestamp};

/// What came out, and when the stage refuses to take more.
pub(crate) struct Sink<T> {
    pub(crate) records: Vec<(T, i64)>,
    /// Refuses every so many pushes; never if zero.
    pub(crate) refuse_every: usize,
    pushes: usize,
}

struct SinkStage<T>(Rc<RefCell<Sink<T>>>);

impl<T: Data> Stage<T> for SinkStage<T> {
    fn push(&mut self, batch: &mut Batch<T>) -> Progress {
        let mut sink = self.0.borrow_mut();
        sink.pushes += 1;
        if sink.refuse_every > 0 && sink.pushes.is_multiple_of(sink.refuse_every) {
            return Err(Stop::Blocked);
        }
        let times: Vec<i64> = (0..batch.len()).map(|index| batch.time(index).as_millis()).collect();
        sink.records.extend(batch.consume().zip(times));
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

struct NoWake;

impl Wake for NoWake {
    fn wake(&self) {}
}

/// One operator, its clock and its outputs.
pub(crate) struct Driver<I, O> {
    stage: BoxStage<I>,
    pub(crate) metrics: Arc<OperatorMetrics>,
    pub(crate) results: Rc<RefCell<Sink<O>>>,
    pub(crate) late: Rc<RefCell<Sink<I>>>,
}

fn sink<T>() -> Rc<RefCell<Sink<T>>> {
    Rc::new(RefCell::new(Sink { records: Vec::new(), refuse_every: 0, pushes: 0 }))
}

impl<I: Data, O: Data> Driver<I, O> {
    /// `late` is read if given.
    pub(crate) fn new<P>(operator: P, (subtask, parallelism): (usize, usize), late: Option<OutputTag<I>>) -> Self
    where
        P: Operator<In = I, Out = O>,
    {
        let info = TaskInfo {
            job: "job".into(),
            subtask,
            parallelism,
            max_parallelism: 16,
            run: "run".into(),
            attempt: 0,
            restored: false,
        };
        let clock = Arc::new(ManualClock::default());
        let task = TaskContext::new(info, clock.clone(), Arc::new(NoWake), Arc::new(RunHere));
        let metrics = OperatorMetrics::new(0, "windows", subtask);
        let (results, late_sink) = (sink(), sink());
        let mut sides = SideOutputs::default();
        if let Some(tag) = late {
            let stage: BoxStage<I> = Box::new(SinkStage(Rc::clone(&late_sink)));
            sides.insert(tag.name(), Side::<I>::boxed(stage));
        }
        let next: BoxStage<O> = Box::new(SinkStage(Rc::clone(&results)));
        let out = Output::new(task, Arc::clone(&metrics), next, sides);
        let stage = Link::boxed("windows".into(), operator, out);
        Self { stage, metrics, results, late: late_sink }
    }

    pub(crate) fn open(&mut self) {
        self.stage.open().unwrap();
    }

    fn insist(&mut self, mut call: impl FnMut(&mut BoxStage<I>) -> Progress) -> Result<(), Stop> {
        for _ in 0..1_000_000 {
            match call(&mut self.stage) {
                Err(Stop::Blocked) => {}
                done => return done,
            }
        }
        panic!("blocked for ever");
    }

    pub(crate) fn push(&mut self, records: impl IntoIterator<Item = (I, i64)>) {
        let mut batch = Batch::new();
        for (value, time) in records {
            batch.push_at(value, Timestamp::from_millis(time));
        }
        self.push_batch(&mut batch);
    }

    pub(crate) fn push_batch(&mut self, batch: &mut Batch<I>) {
        self.insist(|stage| stage.push(batch)).unwrap();
        assert!(batch.is_empty());
    }

    pub(crate) fn watermark(&mut self, watermark: i64) {
        let signal = Signal::Watermark(Timestamp::from_millis(watermark));
        self.insist(|stage| stage.signal(&signal)).unwrap();
    }

    pub(crate) fn end(&mut self) {
        self.insist(|stage| stage.signal(&Signal::End)).unwrap();
    }

    /// Sends the watermark once; answers whether it went through.
    pub(crate) fn try_watermark(&mut self, watermark: i64) -> bool {
        self.stage.signal(&Signal::Watermark(Timestamp::from_millis(watermark))).is_ok()
    }

    pub(crate) fn capture(&mut self) -> TaskCapture {
        let mut capture = TaskCapture::default();
        self.stage.snapshot(&mut capture).unwrap();
        capture
    }

    pub(crate) fn snapshot(&mut self) -> TaskSnapshot {
        self.capture().complete().unwrap()
    }

    pub(crate) fn restore(&mut self, snapshot: &TaskSnapshot) {
        self.stage.restore(snapshot).unwrap();
    }

    pub(crate) fn take(&mut self) -> Vec<(O, i64)> {
        std::mem::take(&mut self.results.borrow_mut().records)
    }
}
