//! A subtask: its mailbox is its input buffer, bounded by credits.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as TaskWaker, Poll, Waker};

use actix::prelude::*;
use futures_util::future::BoxFuture;

use crate::actor::enumerator::EnumeratorHandle;
use crate::actor::futures;
use crate::channel::exchange::{Payload, Transport};
use crate::checkpoint::{Barrier, CheckpointId, SubtaskId};
use crate::error::{Site, TaskError, blame};
use crate::observe::Doing;
use crate::operator::beside::RunBeside;
use crate::operator::{Stop, Wake};
use crate::task::{Answer, Captured, Step, Task, TaskBlueprint, build};
use crate::time::Timestamp;

/// A batch or signal for the subtask.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Deliver {
    pub(crate) channel: usize,
    pub(crate) payload: Payload,
}

/// There may be something to do.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct WakeUp;

/// The enumerator's answer.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Assign(pub(crate) Answer);

/// Drop everything and stop.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Cancel;

/// Send barriers; for subtasks that nobody sends to.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Trigger(pub(crate) Arc<Barrier>);

/// A snapshot is complete; for the subtasks of sources.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Completed(pub(crate) CheckpointId);

/// What a subtask tells the JobMaster.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Report {
    pub(crate) subtask: SubtaskId,
    pub(crate) news: News,
}

pub(crate) enum News {
    /// All of its input has been processed; it stays for snapshots.
    Drained,
    /// Its part of a snapshot.
    Captured(Box<Captured>),
    /// It is gone: it has failed.
    Failed(Box<TaskError>),
    /// It is gone, as it was told.
    Cancelled,
}

/// The actor of one subtask.
pub(crate) struct Subtask {
    /// Taken when the actor starts.
    blueprint: Option<TaskBlueprint>,
    enumerator: Option<EnumeratorHandle>,
    /// Its number among all of the job's.
    id: SubtaskId,
    master: Recipient<Report>,
    /// Whether it has said that it is drained.
    drained: bool,
    /// The chain's head and this subtask's number, for errors that know no operator.
    name: String,
    number: usize,
    task: Option<Task>,
    /// Wakes the actor's turn.
    waker: Option<Waker>,
    timer: Option<(Timestamp, SpawnHandle)>,
}

impl Subtask {
    pub(crate) fn new(
        blueprint: TaskBlueprint,
        enumerator: Option<EnumeratorHandle>,
        id: SubtaskId,
        master: Recipient<Report>,
    ) -> Self {
        let vertex = &blueprint.plan.vertices[blueprint.vertex];
        Self {
            name: blueprint.plan.graph.nodes[vertex.nodes[0]].name.clone(),
            number: blueprint.info.subtask,
            blueprint: Some(blueprint),
            enumerator,
            id,
            master,
            drained: false,
            task: None,
            waker: None,
            timer: None,
        }
    }

    /// One turn: one batch or signal. Panics of user code end here.
    fn turn(&mut self, ctx: &mut Context<Self>) -> Poll<()> {
        let Some(task) = &mut self.task else { return Poll::Ready(()) };
        task.metrics.time.switch(Doing::Busy, &*task.context.clock);
        let stepped = blame::catch(|| match task.step() {
            Ok(step) => Ok(step),
            Err(Stop::Blocked) => Ok(Step::Blocked(Timestamp::MAX)),
            Err(Stop::Failed(error)) => Err(error),
        });
        let step = match stepped {
            Ok(step) => step,
            Err(error) => {
                self.fail(error, ctx);
                return Poll::Ready(());
            }
        };
        let next = match step {
            // It is able to go on once its slot's other subtasks have had their turns.
            Step::Again => Doing::Busy,
            Step::Blocked(_) => Doing::BackPressured,
            Step::Idle(_) => Doing::Idle,
            Step::Finished => Doing::Nothing,
        };
        task.metrics.time.switch(next, &*task.context.clock);
        for captured in task.take_snapshots() {
            self.report(News::Captured(Box::new(captured)));
        }
        match step {
            Step::Again => self.wake_turn(),
            Step::Blocked(deadline) | Step::Idle(deadline) => self.set_timer(deadline, ctx),
            Step::Finished if !self.drained => {
                self.drained = true;
                self.report(News::Drained);
            }
            Step::Finished => {}
        }
        Poll::Pending
    }

    fn report(&self, news: News) {
        self.master.do_send(Report { subtask: self.id, news });
    }

    fn wake_turn(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// Has the next turn at `deadline` at the latest.
    fn set_timer(&mut self, deadline: Timestamp, ctx: &mut Context<Self>) {
        let Some(task) = &self.task else { return };
        if deadline == Timestamp::MAX || self.timer.as_ref().is_some_and(|(at, _)| *at <= deadline) {
            return;
        }
        if let Some((_, handle)) = self.timer.take() {
            ctx.cancel_future(handle);
        }
        let wait = deadline.since(task.context.clock.now());
        let handle = ctx.run_later(wait, |this, _| {
            this.timer = None;
            this.wake_turn();
        });
        self.timer = Some((deadline, handle));
    }

    fn fail(&mut self, mut error: Box<TaskError>, ctx: &mut Context<Self>) {
        if error.operator.is_empty() {
            error.operator.clone_from(&self.name);
        }
        error.subtask = self.number;
        error.site.find_place();
        self.task = None;
        self.report(News::Failed(error));
        ctx.stop();
    }
}

impl Actor for Subtask {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let Some(blueprint) = self.blueprint.take() else { return };
        let address = ctx.address();
        let request_splits: Rc<dyn Fn()> = match self.enumerator.take() {
            None => Rc::new(|| {}),
            Some(enumerator) => {
                let reader = address.clone();
                let (subtask, parallelism) = (blueprint.info.subtask, blueprint.info.parallelism);
                Rc::new(move || {
                    let reader = reader.clone();
                    enumerator.request(subtask, parallelism, Box::new(move |answer| reader.do_send(Assign(answer))));
                })
            }
        };
        match blame::catch(|| build(blueprint, Arc::new(Alarm(address)), Arc::new(Threads), request_splits)) {
            Ok(task) => {
                task.metrics.time.switch(Doing::Busy, &*task.context.clock);
                self.task = Some(task);
                ctx.spawn(Turns);
            }
            Err(error) => self.fail(error, ctx),
        }
    }
}

/// Gives the subtask a turn whenever its context is polled.
struct Turns;

impl ActorFuture<Subtask> for Turns {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        subtask: &mut Subtask,
        ctx: &mut Context<Subtask>,
        waker: &mut TaskWaker<'_>,
    ) -> Poll<()> {
        if !subtask.waker.as_ref().is_some_and(|known| known.will_wake(waker.waker())) {
            subtask.waker = Some(waker.waker().clone());
        }
        subtask.turn(ctx)
    }
}

// The handlers only enqueue: a message wakes the context, and the turn follows in the same poll.

impl Handler<Deliver> for Subtask {
    type Result = ();

    fn handle(&mut self, Deliver { channel, payload }: Deliver, ctx: &mut Self::Context) {
        if let Some(task) = &mut self.task
            && let Err(error) = task.put(channel, payload)
        {
            self.fail(TaskError::at(Site::default(), error), ctx);
        }
    }
}

impl Handler<WakeUp> for Subtask {
    type Result = ();

    fn handle(&mut self, _: WakeUp, _ctx: &mut Self::Context) {}
}

impl Handler<Assign> for Subtask {
    type Result = ();

    fn handle(&mut self, Assign(answer): Assign, _ctx: &mut Self::Context) {
        if let Some(task) = &mut self.task {
            task.assign(answer);
        }
    }
}

impl Handler<Cancel> for Subtask {
    type Result = ();

    fn handle(&mut self, _: Cancel, ctx: &mut Self::Context) {
        self.task = None;
        self.report(News::Cancelled);
        ctx.stop();
    }
}

impl Handler<Trigger> for Subtask {
    type Result = ();

    fn handle(&mut self, Trigger(barrier): Trigger, _ctx: &mut Self::Context) {
        if let Some(task) = &mut self.task {
            task.trigger(barrier);
        }
    }
}

impl Handler<Completed> for Subtask {
    type Result = ();

    fn handle(&mut self, Completed(id): Completed, _ctx: &mut Self::Context) {
        if let Some(task) = &mut self.task {
            task.completed(id);
        }
    }
}

/// The pool of threads that belongs to the slot's runtime, whose size is bounded by what operators may have in flight, and
/// the threads of the process for futures.
struct Threads;

impl RunBeside for Threads {
    fn run(&self, job: Box<dyn FnOnce() + Send>) {
        // A job catches the user's panics, and reports by itself.
        drop(tokio::task::spawn_blocking(job));
    }

    fn spawn(&self, future: BoxFuture<'static, ()>) -> Result<(), String> {
        futures::spawn(future)
    }
}

/// Wakes a subtask from another thread.
struct Alarm(Addr<Subtask>);

impl Wake for Alarm {
    fn wake(&self) {
        self.0.do_send(WakeUp);
    }
}

/// Delivers messages to a subtask in this process.
pub(crate) struct Mailbox(pub(crate) Addr<Subtask>);

impl Transport for Mailbox {
    fn deliver(&self, channel: usize, payload: Payload) {
        // Unbounded, and silent if the subtask is gone: credits bound it, and the JobMaster knows of the end.
        self.0.do_send(Deliver { channel, payload });
    }
}
