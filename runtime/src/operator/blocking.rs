//! User code that waits: run beside the slot's thread, bounded in flight, results in the order of the records.

use std::sync::Arc;

use super::beside::{Around, Calls, Outcome, Record};
use super::{Collector, Context, Process, SideOutputs, TaskContext, TaskInfo};
use crate::error::{Cause, Site, TaskError, blame};
use crate::observe::OperatorMetrics;
use crate::time::{Clock, Timestamp};

/// Records in flight per subtask unless the operator says otherwise.
pub const DEFAULT_IN_FLIGHT: usize = 16;

/// Has a clone of a [`Process`] work on each record, on a thread that may wait.
pub(crate) struct BlockingCalls<P>(pub(crate) P);

impl<P: Process> Calls for BlockingCalls<P> {
    type In = P::In;
    type Out = P::Out;
    type Answer = Outcome<P::Out>;
    type Call = ();

    fn begin(&mut self, number: u64, value: &P::In, site: &Site, around: &Around<Self::Answer>) {
        let call = Call {
            process: self.0.clone(),
            info: around.task.info.clone(),
            clock: Arc::clone(&around.task.clock),
            metrics: Arc::clone(&around.metrics),
            watermark: around.watermark,
            time: site.event_time,
        };
        let (value, answers) = (value.clone(), Arc::clone(&around.answers));
        around.task.beside.run(Box::new(move || answers.leave(number, call.run(value))));
    }

    fn answered(
        &mut self,
        _number: u64,
        _record: &mut Record<P::In, ()>,
        answer: Self::Answer,
        _around: &Around<Self::Answer>,
    ) -> Option<Outcome<P::Out>> {
        Some(answer)
    }
}

/// One call of the user's function, on its way to another thread.
struct Call<P> {
    process: P,
    info: TaskInfo,
    clock: Arc<dyn Clock>,
    metrics: Arc<OperatorMetrics>,
    watermark: Timestamp,
    time: Timestamp,
}

impl<P: Process> Call<P> {
    fn run(self, value: P::In) -> Outcome<P::Out> {
        let Self { mut process, info, clock, metrics, watermark, time } = self;
        blame::catch(|| {
            let task = TaskContext::detached(info, clock);
            let mut sides = SideOutputs::default();
            let mut ctx = Context { task: &task, metrics: &metrics, sides: &mut sides, time, watermark };
            let mut results = Collector::new();
            results.at_record(time, None);
            let done = process.process(value, &mut ctx, &mut results);
            done.map_err(|error| TaskError::at(Site::default(), Cause::User(error)))?;
            let mut records = results.batch.consume();
            let mut timed = Vec::with_capacity(records.remaining());
            while let Some(result) = records.next_value() {
                timed.push((result, records.time()));
            }
            Ok(timed)
        })
    }
}
