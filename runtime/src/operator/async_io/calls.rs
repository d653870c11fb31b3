//! Requests in flight: begun, repeated, given up.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use futures_util::future::{AbortHandle, abortable, poll_fn};

use super::{AsyncContext, AsyncFunction, AsyncOptions};
use crate::error::{Cause, Result, Site, TaskError, blame};
use crate::operator::beside::{Around, Calls, Outcome, Record};
use crate::operator::stage::{Progress, Stop};
use crate::time::Timestamp;

type Answer<U> = Result<Vec<U>, Box<TaskError>>;

/// Has an [`AsyncFunction`] work on each record.
pub(crate) struct AsyncCalls<F: AsyncFunction> {
    function: Function<F>,
    options: AsyncOptions<F::Out>,
    /// The numbers of records by when their time comes: for another try, or to be given up.
    timers: BTreeSet<(Timestamp, u64)>,
}

/// The user's function, by how far its life has come.
enum Function<F> {
    New(F),
    Opening(Reply<F>),
    Open { function: Arc<F>, ctx: AsyncContext },
    Closing(Reply<()>),
    Closed,
}

/// A record that is being worked on.
pub(crate) struct Call {
    ctx: AsyncContext,
    /// When the record is given up; `MAX` for never.
    deadline: Timestamp,
    /// When it is tried again; `MAX` while a request is under way.
    again: Timestamp,
    retried: u32,
    request: Request,
}

/// Ends a future when it is dropped.
struct Request(AbortHandle);

impl Drop for Request {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<F: AsyncFunction> AsyncCalls<F> {
    pub(crate) fn new(function: F, options: AsyncOptions<F::Out>) -> Self {
        Self { function: Function::New(function), options, timers: BTreeSet::new() }
    }

    /// The open function, and the context of its subtask.
    fn function(&self) -> (&Arc<F>, &AsyncContext) {
        match &self.function {
            Function::Open { function, ctx } => (function, ctx),
            _ => unreachable!("invariant: records are worked on between `open` and `close`"),
        }
    }

    /// Sends a request.
    fn request(&self, number: u64, value: F::In, ctx: &AsyncContext, around: &Around<Answer<F::Out>>) -> Request {
        let (function, ctx) = (Arc::clone(self.function().0), ctx.clone());
        let answers = Arc::clone(&around.answers);
        let (future, abort) = abortable(async move {
            answers.leave(number, caught(async { function.call(value, &ctx).await }).await);
        });
        if let Err(stop) = spawn(future, around) {
            around.answers.leave(number, Err(stop));
        }
        Request(abort)
    }

    /// The outcome of a record after which there is nothing to wait for.
    fn settled(&mut self, number: u64, call: &Call, answer: Answer<F::Out>) -> Outcome<F::Out> {
        self.timers.remove(&(call.deadline, number));
        self.timers.remove(&(call.again, number));
        let time = call.ctx.timestamp().unwrap_or(Timestamp::MIN);
        answer.map(|results| results.into_iter().map(|result| (result, time)).collect())
    }
}

impl<F: AsyncFunction> Calls for AsyncCalls<F> {
    type In = F::In;
    type Out = F::Out;
    type Answer = Answer<F::Out>;
    type Call = Call;

    fn open(&mut self, around: &Around<Self::Answer>) -> Progress {
        let info = around.task.info.clone();
        let (metrics, clock) = (Arc::clone(&around.metrics), Arc::clone(&around.task.clock));
        let ctx = AsyncContext::new(info, metrics, clock, self.options.timeout);
        loop {
            match std::mem::replace(&mut self.function, Function::Closed) {
                Function::New(mut function) => {
                    let ctx = ctx.clone();
                    let opened = async move { function.open(&ctx).await.map(|()| function) };
                    self.function = Function::Opening(Reply::of(opened, around)?);
                }
                Function::Opening(reply) => match reply.take() {
                    Some(function) => {
                        self.function = Function::Open { function: Arc::new(function?), ctx: ctx.clone() }
                    }
                    None => {
                        self.function = Function::Opening(reply);
                        return Err(Stop::Blocked);
                    }
                },
                other => {
                    self.function = other;
                    return Ok(());
                }
            }
        }
    }

    fn begin(&mut self, number: u64, value: &F::In, site: &Site, around: &Around<Self::Answer>) -> Call {
        let ctx = self.function().1.at(site.event_time, around.watermark);
        let timeout = self.options.timeout;
        let deadline = timeout.map_or(Timestamp::MAX, |timeout| around.task.clock.now().saturating_add(timeout));
        if timeout.is_some() {
            self.timers.insert((deadline, number));
        }
        let request = self.request(number, value.clone(), &ctx, around);
        Call { ctx, deadline, again: Timestamp::MAX, retried: 0, request }
    }

    fn answered(
        &mut self,
        number: u64,
        record: &mut Record<F::In, Call>,
        answer: Self::Answer,
        around: &Around<Self::Answer>,
    ) -> Option<Outcome<F::Out>> {
        let call = &mut record.call;
        let retry = blame::catch(|| {
            let answer = match &answer {
                Ok(results) => Ok(results.as_slice()),
                Err(error) => match &error.cause {
                    Cause::User(error) => Err(error),
                    // A bug, or the end of the runtime: another try would end alike.
                    _ => return Ok(None),
                },
            };
            Ok(self.options.retry.delay_after(call.retried, answer))
        });
        match retry {
            Ok(Some(delay)) => {
                call.retried += 1;
                call.again = around.task.clock.now().saturating_add(delay);
                self.timers.insert((call.again, number));
                None
            }
            Ok(None) => Some(self.settled(number, call, answer)),
            Err(panic) => Some(self.settled(number, call, Err(panic))),
        }
    }

    fn next_due(&mut self, around: &Around<Self::Answer>) -> Option<u64> {
        let (at, number) = *self.timers.first()?;
        (at <= around.task.clock.now()).then(|| {
            self.timers.pop_first();
            number
        })
    }

    fn due(
        &mut self,
        number: u64,
        record: &mut Record<F::In, Call>,
        around: &Around<Self::Answer>,
    ) -> Option<Outcome<F::Out>> {
        let Record { value, call, .. } = record;
        if call.deadline > around.task.clock.now() {
            call.again = Timestamp::MAX;
            call.request = self.request(number, value.clone(), &call.ctx, around);
            return None;
        }
        let function = self.function().0;
        let fallback = blame::catch(|| {
            let results = function.timed_out(value.clone(), &call.ctx);
            results.map_err(|error| TaskError::at(Site::default(), Cause::User(error)))
        });
        call.request.0.abort();
        Some(self.settled(number, call, fallback))
    }

    fn deadline(&self) -> Timestamp {
        self.timers.first().map_or(Timestamp::MAX, |(at, _)| *at)
    }

    fn close(&mut self, around: &Around<Self::Answer>) -> Progress {
        loop {
            match std::mem::replace(&mut self.function, Function::Closed) {
                Function::Open { function, ctx } => {
                    let closed = async move { function.close(&ctx).await };
                    self.function = Function::Closing(Reply::of(closed, around)?);
                }
                Function::Closing(reply) => match reply.take() {
                    Some(closed) => closed?,
                    None => {
                        self.function = Function::Closing(reply);
                        return Err(Stop::Blocked);
                    }
                },
                Function::New(_) | Function::Opening(_) | Function::Closed => return Ok(()),
            }
        }
    }
}

type Left<T> = Arc<Mutex<Option<Result<T, Box<TaskError>>>>>;

/// What a future that concerns no record will answer.
struct Reply<T> {
    left: Left<T>,
    _request: Request,
}

impl<T: Send + 'static> Reply<T> {
    fn of<A: Send + 'static>(
        future: impl Future<Output = Result<T>> + Send + 'static,
        around: &Around<A>,
    ) -> Result<Self, Box<TaskError>> {
        let left = Arc::new(Mutex::new(None));
        let (leave, waker) = (Arc::clone(&left), Arc::clone(&around.task.waker));
        let (future, abort) = abortable(async move {
            let reply = caught(future).await;
            *leave.lock().unwrap_or_else(PoisonError::into_inner) = Some(reply);
            waker.wake();
        });
        spawn(future, around)?;
        Ok(Self { left, _request: Request(abort) })
    }

    fn take(&self) -> Option<Result<T, Box<TaskError>>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

fn spawn<A>(future: impl Future<Output: Send> + Send + 'static, around: &Around<A>) -> Result<(), Box<TaskError>> {
    let spawned = around.task.beside.spawn(Box::pin(async move {
        let _ = future.await;
    }));
    spawned.map_err(|reason| TaskError::at(Site::default(), Cause::Internal(reason)))
}

/// Makes an error of the subtask of a user's error or panic.
async fn caught<T>(future: impl Future<Output = Result<T>>) -> Result<T, Box<TaskError>> {
    let mut future = pin!(future);
    poll_fn(|cx| match blame::catch(|| Ok(future.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(Ok(value))) => Poll::Ready(Ok(value)),
        Ok(Poll::Ready(Err(error))) => Poll::Ready(Err(TaskError::at(Site::default(), Cause::User(error)))),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}
