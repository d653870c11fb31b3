//! A subtask: its mailbox is its input buffer, bounded by credits.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as TaskWaker, Poll, Waker};

use actix::prelude::*;

use crate::actor::enumerator::EnumeratorHandle;
use crate::channel::exchange::{Payload, Transport};
use crate::error::{TaskError, blame};
use crate::observe::Doing;
use crate::operator::blocking::RunBlocking;
use crate::operator::{Stop, Wake};
use crate::task::{Answer, AnyCommittables, Step, Task, TaskBlueprint, build};
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

/// How a subtask has ended.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) enum Ended {
    /// Well; with what its sinks have prepared.
    Finished(Vec<AnyCommittables>),
    /// Badly.
    Failed(Box<TaskError>),
    /// As it was told to; also with what its sinks had prepared by then.
    Cancelled(Vec<AnyCommittables>),
}

/// The actor of one subtask.
pub(crate) struct Subtask {
    /// Taken when the actor starts.
    blueprint: Option<TaskBlueprint>,
    enumerator: Option<EnumeratorHandle>,
    master: Recipient<Ended>,
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
        master: Recipient<Ended>,
    ) -> Self {
        let vertex = &blueprint.plan.vertices[blueprint.vertex];
        Self {
            name: blueprint.plan.graph.nodes[vertex.nodes[0]].name.clone(),
            number: blueprint.info.subtask,
            blueprint: Some(blueprint),
            enumerator,
            master,
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
            Err(Stop::Blocked) => Ok(Step::Blocked),
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
            Step::Blocked => Doing::BackPressured,
            Step::Idle(_) => Doing::Idle,
            Step::Finished => Doing::Nothing,
        };
        task.metrics.time.switch(next, &*task.context.clock);
        match step {
            Step::Again => self.wake_turn(),
            Step::Blocked => {}
            Step::Idle(deadline) => self.set_timer(deadline, ctx),
            Step::Finished => {
                self.end(Ended::Finished, ctx);
                return Poll::Ready(());
            }
        }
        Poll::Pending
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
        self.master.do_send(Ended::Failed(error));
        ctx.stop();
    }

    fn end(&mut self, how: impl FnOnce(Vec<AnyCommittables>) -> Ended, ctx: &mut Context<Self>) {
        let prepared = self.task.take().map(|task| task.context.committables.take()).unwrap_or_default();
        self.master.do_send(how(prepared));
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
        match blame::catch(|| build(blueprint, Arc::new(Alarm(address)), Arc::new(BlockingPool), request_splits)) {
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

    fn handle(&mut self, Deliver { channel, payload }: Deliver, _ctx: &mut Self::Context) {
        if let Some(task) = &mut self.task {
            task.put(channel, payload);
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
        self.end(Ended::Cancelled, ctx);
    }
}

/// The pool of threads that belongs to the slot's runtime. Its size is bounded by what operators may have in flight.
struct BlockingPool;

impl RunBlocking for BlockingPool {
    fn run(&self, job: Box<dyn FnOnce() + Send>) {
        // A job catches the user's panics, and reports by itself.
        drop(tokio::task::spawn_blocking(job));
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
