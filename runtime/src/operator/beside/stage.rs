//! The stage of an operator whose records are worked on beside the subtask's thread.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use super::{Answers, Around, Calls, Order, Outcome, Pending, Ready, Record};
use crate::channel::Batch;
use crate::checkpoint::CheckpointId;
use crate::error::{Cause, Site, TaskError, blame};
use crate::graph::{Downstream, NodeContext};
use crate::operator::process::OnError;
use crate::operator::stage::{Output, Progress, Signal, Stage, Stop};
use crate::state::{StateError, TaskCapture, TaskSnapshot};
use crate::time::Timestamp;

/// How many signals may wait among the records in flight.
const MAX_SIGNALS: usize = 64;

/// Has records worked on by [`Calls`]. It has no side outputs but that for errors, and no state but what is in flight.
pub(crate) struct BesideStage<C: Calls> {
    uid: Arc<str>,
    calls: C,
    pub(super) around: Around<C::Answer>,
    on_error: OnError<C::In>,
    /// How many records may be in flight.
    capacity: usize,
    out: Output<C::Out>,
    pending: Pending<C::In, C::Out, C::Call>,
    /// Records to be worked on before any others: those of a snapshot, and those that a barrier has overtaken.
    waiting: VecDeque<Batch<C::In>>,
    /// Whether the stages behind are open.
    opened: bool,
    /// The last barrier that was handed on. While that call is repeated, since something beside this stage was blocked,
    /// nothing else is: what stands behind has dealt with the barrier, and the snapshot is still to be taken.
    last_barrier: Option<CheckpointId>,
}

impl<C: Calls> BesideStage<C> {
    pub(crate) fn new(
        calls: C,
        on_error: OnError<C::In>,
        (order, capacity): (Order, usize),
        ctx: &NodeContext,
        downstream: Downstream,
    ) -> Self {
        let around = Around {
            task: Rc::clone(&ctx.task),
            metrics: Arc::clone(&ctx.metrics),
            answers: Arc::new(Answers::new(Arc::clone(&ctx.task.waker))),
            watermark: Timestamp::MIN,
        };
        Self {
            uid: Arc::clone(&ctx.uid),
            calls,
            around,
            on_error,
            capacity,
            out: downstream.output(ctx),
            pending: Pending::new(order),
            waiting: VecDeque::new(),
            opened: false,
            last_barrier: None,
        }
    }

    /// Runs what may call user code, names this operator in what goes wrong, and asks to be called in time.
    fn guarded(&mut self, step: impl FnOnce(&mut Self) -> Progress) -> Progress {
        let metrics = Arc::clone(&self.around.metrics);
        let _blame = blame::Operator(&metrics.name);
        let progress = step(self);
        let deadline = self.calls.deadline();
        if deadline < Timestamp::MAX {
            self.around.task.wake_at(deadline);
        }
        progress.map_err(|stop| self.out.named(stop))
    }

    /// Not before something is done, or the time of a record has come.
    fn blocked(&self) -> Stop {
        // Every answer wakes the subtask.
        self.around.task.repeat_at(self.calls.deadline());
        Stop::Blocked
    }

    /// Looks at what has been answered, and at what is due.
    fn look(&mut self) {
        for (number, answer) in self.around.answers.take() {
            // What has been given up may be answered all the same.
            if let Some(record) = self.pending.awaited(number)
                && let Some(outcome) = self.calls.answered(number, record, answer, &self.around)
            {
                self.pending.finish(number, outcome);
            }
        }
        while let Some(number) = self.calls.next_due(&self.around) {
            if let Some(record) = self.pending.awaited(number)
                && let Some(outcome) = self.calls.due(number, record, &self.around)
            {
                self.pending.finish(number, outcome);
            }
        }
    }

    /// Hands on whatever may be.
    fn hand_on(&mut self) -> Progress {
        self.look();
        self.out.flush()?;
        while let Some(ready) = self.pending.next_ready() {
            match ready {
                Ready::Signal(signal) => {
                    self.out.flush()?;
                    self.hand_on_signal(&signal)?;
                    self.pending.pop_signal();
                }
                Ready::Record { value, site, outcome } => {
                    self.emit(value, site, outcome)?;
                    self.out.relieve()?;
                }
            }
        }
        self.out.flush()
    }

    fn hand_on_signal(&mut self, signal: &Signal) -> Progress {
        if let Signal::Watermark(watermark) = signal {
            self.out.watermark = *watermark;
            self.around.watermark = *watermark;
            self.out.metrics.set_watermark(*watermark);
        }
        self.out.signal(signal)
    }

    fn emit(&mut self, value: C::In, site: Site, outcome: Outcome<C::Out>) -> Progress {
        match outcome {
            Ok(results) => {
                if self.out.collector.batch.is_empty() {
                    self.out.collector.set_origin(site.origin.as_ref());
                }
                for (result, time) in results {
                    self.out.collector.at_record(site.event_time, site.position);
                    self.out.collector.emit_at(result, time);
                }
                Ok(())
            }
            Err(error) => match error.cause {
                Cause::User(error) => {
                    self.on_error.handle(error, Some(value), site, &mut self.out.sides, &self.out.metrics)
                }
                cause => Err(TaskError::at(site, cause).into()),
            },
        }
    }

    /// Takes in what comes before any others.
    fn take_in_waiting(&mut self) -> Progress {
        while let Some(mut batch) = self.waiting.pop_front() {
            let done = self.take_in(&mut batch);
            if !batch.is_empty() {
                self.waiting.push_front(batch);
            }
            done?;
        }
        Ok(())
    }

    fn take_in(&mut self, batch: &mut Batch<C::In>) -> Progress {
        self.hand_on()?;
        while !batch.is_empty() {
            let room = self.capacity.saturating_sub(self.pending.records());
            let before = batch.len();
            let mut records = batch.consume();
            for _ in 0..room {
                let Some(value) = records.next_value() else { break };
                let (number, site) = (self.pending.next_number(), records.site());
                let call = self.calls.begin(number, &value, &site, &self.around);
                self.pending.push(Record { value, site, call });
            }
            drop(records);
            self.around.metrics.records_in.add((before - batch.len()) as u64);
            self.hand_on()?;
            if self.pending.records() >= self.capacity && !batch.is_empty() {
                return Err(self.blocked());
            }
        }
        Ok(())
    }

    /// Everything but a barrier that was handed on before.
    fn act(&mut self, signal: &Signal) -> Progress {
        match signal {
            // What is in flight or waits is in the snapshot.
            Signal::Barrier(barrier) => {
                self.hand_on()?;
                self.last_barrier = Some(barrier.id);
                return self.out.signal(signal);
            }
            Signal::ProcessingTime(_) | Signal::Flush | Signal::FlushOld => {
                // These do not wait for room: without it, they have nothing to do here.
                if let Err(stop @ Stop::Failed(_)) = self.take_in_waiting() {
                    return Err(stop);
                }
                self.hand_on()?;
                return self.out.signal(signal);
            }
            _ => {
                self.take_in_waiting()?;
                self.hand_on()?;
            }
        }
        match signal {
            // The end, and a split's, mean that all has been handed on.
            Signal::End | Signal::SplitEnd(_) if !self.pending.is_empty() => Err(self.blocked()),
            Signal::End => {
                self.calls.close(&self.around)?;
                self.out.signal(signal)
            }
            signal if self.pending.is_empty() => self.hand_on_signal(signal),
            _ if self.pending.signals() >= MAX_SIGNALS => Err(self.blocked()),
            signal => {
                self.pending.push_signal(signal.clone());
                Ok(())
            }
        }
    }
}

impl<C: Calls> Stage<C::In> for BesideStage<C> {
    fn push(&mut self, batch: &mut Batch<C::In>) -> Progress {
        self.guarded(|stage| {
            let done = stage.take_in_waiting().and_then(|()| stage.take_in(batch));
            if matches!(done, Err(Stop::Blocked)) && stage.around.task.is_overtaken() {
                // A barrier is to overtake what there is no room for.
                stage.waiting.push_back(std::mem::take(batch));
                return Ok(());
            }
            done
        })
    }

    fn signal(&mut self, signal: &Signal) -> Progress {
        if let Signal::Barrier(barrier) = signal
            && self.last_barrier == Some(barrier.id)
        {
            return self.out.signal(signal);
        }
        self.guarded(|stage| stage.act(signal))
    }

    fn open(&mut self) -> Progress {
        if !self.opened {
            self.out.open()?;
            self.opened = true;
        }
        self.guarded(|stage| stage.calls.open(&stage.around))
    }

    fn snapshot(&mut self, to: &mut TaskCapture) -> Result<(), StateError> {
        let operator = to.operator(&self.uid);
        for Record { value, site, .. } in self.pending.iter() {
            operator.push("in-flight", &(value, site.event_time))?;
        }
        for batch in &self.waiting {
            for (at, value) in batch.values().iter().enumerate() {
                operator.push("in-flight", &(value, batch.time(at)))?;
            }
        }
        self.out.snapshot(to)
    }

    fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError> {
        if let Some(operator) = from.get(&self.uid) {
            let info = &self.out.task.info;
            let share = operator
                .share_of_list::<(C::In, Timestamp)>("in-flight", info.subtask, info.parallelism)
                .map_err(|error| error.within_tuple(0).in_operator(&self.uid))?;
            let mut restored = Batch::new();
            share.into_iter().for_each(|(value, time)| restored.push_at(value, time));
            self.waiting.push_back(restored);
        }
        self.out.restore(from)
    }
}
