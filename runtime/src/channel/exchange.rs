//! The sending side: records leave a chain for the subtasks of the next.

use std::any::Any;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use super::Batch;
use super::credit::{Credits, Grant};
use super::deal::Deal;
use super::in_flight::{self, Place};
use super::partitioner::{Partitioning, Router, Rule};
use super::size::SizeEstimate;
use crate::checkpoint::{Barrier, CheckpointId};
use crate::data::Data;
use crate::error::blame;
use crate::operator::{Progress, Signal, Stage, Stop, TaskContext};
use crate::state::{StateError, TaskCapture, TaskSnapshot};

/// What a channel carries.
pub(crate) enum Payload {
    /// A `Box<Batch<T>>`, and the right to have it on its way.
    Batch(Box<dyn Any + Send>, Grant),
    /// A signal; needs no credit.
    Signal(Signal),
}

/// Takes messages to one receiving subtask, in order.
pub(crate) trait Transport: Send {
    /// `channel` is the receiver's number for this sender.
    fn deliver(&self, channel: usize, payload: Payload);
}

/// The sender's end of one channel.
pub(crate) struct Target<T> {
    /// The receiver's number for this channel among all of its inputs.
    pub(crate) channel: usize,
    /// The channel's number among those of the same input, which share credits.
    pub(crate) credit_channel: usize,
    pub(crate) credits: Arc<Credits<T>>,
    pub(crate) transport: Box<dyn Transport>,
}

/// What an exchange is called, and what it must know of its receivers.
pub(crate) struct ExchangeId {
    /// In snapshots.
    pub(crate) uid: Arc<str>,
    /// In messages.
    pub(crate) name: Arc<str>,
    /// How many key groups the receivers have; the senders may have another number.
    pub(crate) key_groups: usize,
}

struct Lane<T> {
    target: Target<T>,
    /// Full batches that could not be sent when a barrier had to overtake them, the oldest first.
    backlog: VecDeque<Box<Batch<T>>>,
    /// What waits for a full batch.
    partial: Box<Batch<T>>,
    /// Whether the partial batch was there at the last age check.
    aged: bool,
}

impl<T: Data> Lane<T> {
    /// Sends the partial batch, and before it the backlog; answers whether it could.
    fn send(&mut self, size: &SizeEstimate, task: &TaskContext) -> bool {
        while !self.backlog.is_empty() || !self.partial.is_empty() {
            let Self { target, backlog, partial, aged } = self;
            let bytes = size.bytes(backlog.front().unwrap_or(partial).len());
            let Some((grant, empty)) = target.credits.acquire(target.credit_channel, bytes, &task.waker) else {
                return false;
            };
            let full = match backlog.pop_front() {
                Some(oldest) => oldest,
                None => {
                    *aged = false;
                    std::mem::replace(partial, empty)
                }
            };
            target.transport.deliver(target.channel, Payload::Batch(full, grant));
        }
        true
    }

    /// Makes room in the partial batch: by sending it, or else, if a barrier has to overtake, in the backlog.
    fn make_room(&mut self, size: &SizeEstimate, task: &TaskContext) -> Progress {
        if self.send(size, task) {
            return Ok(());
        }
        if !task.is_overtaken() {
            return Err(Stop::Blocked);
        }
        self.backlog.push_back(std::mem::take(&mut self.partial));
        Ok(())
    }

    /// What has not been sent, the oldest first.
    fn unsent(&self) -> impl Iterator<Item = &Batch<T>> {
        self.backlog.iter().chain([&self.partial]).map(|batch| &**batch).filter(|batch| !batch.is_empty())
    }
}

/// Sends a chain's records to the subtasks of the next.
pub(crate) struct Exchange<T> {
    /// Identity of the edge in snapshots.
    uid: Arc<str>,
    /// What messages call the edge.
    name: Arc<str>,
    task: Rc<TaskContext>,
    router: Router<T>,
    lanes: Vec<Lane<T>>,
    size: SizeEstimate,
    limit: usize,
    /// The target of each record of the batch at hand.
    routes: Vec<u16>,
    deal: Deal,
    /// Records of a restored snapshot, to be sent first.
    restored: Batch<T>,
    /// The last barrier that was sent, so that repeating the call does not send it again.
    last_barrier: Option<CheckpointId>,
}

impl<T: Data> Exchange<T> {
    pub(crate) fn new(
        ExchangeId { uid, name, key_groups }: ExchangeId,
        task: Rc<TaskContext>,
        rule: Rule<T>,
        targets: Vec<Target<T>>,
    ) -> Self {
        let router = Router::new(rule, task.info.subtask, targets.len(), key_groups);
        let size = SizeEstimate::new::<T>();
        let lanes = targets
            .into_iter()
            .map(|target| Lane { target, backlog: VecDeque::new(), partial: Box::default(), aged: false })
            .collect();
        let limit = size.batch_records();
        Self {
            uid,
            name,
            task,
            router,
            lanes,
            size,
            limit,
            routes: Vec::new(),
            deal: Deal::default(),
            restored: Batch::new(),
            last_barrier: None,
        }
    }

    /// Sends the partial batch of a lane; answers whether it could.
    fn send(&mut self, lane: usize) -> bool {
        self.lanes[lane].send(&self.size, &self.task)
    }

    fn make_room(&mut self, lane: usize) -> Progress {
        self.lanes[lane].make_room(&self.size, &self.task)
    }

    fn send_all(&mut self) -> Progress {
        let blocked = (0..self.lanes.len()).any(|lane| !self.send(lane));
        if blocked { Err(Stop::Blocked) } else { Ok(()) }
    }

    /// Sends a signal to everybody at once.
    fn send_signal(&self, signal: &Signal) {
        for lane in &self.lanes {
            lane.target.transport.deliver(lane.target.channel, Payload::Signal(signal.clone()));
        }
    }

    fn send_barrier(&mut self, barrier: &Arc<Barrier>) -> Progress {
        if self.last_barrier == Some(barrier.id) {
            return Ok(());
        }
        let overtakes = self.router.kind().may_be_overtaken() && self.task.clock.now() >= barrier.overtake_at;
        if !overtakes {
            self.send_all()?;
        }
        self.send_signal(&Signal::Barrier(Arc::clone(barrier)));
        self.last_barrier = Some(barrier.id);
        Ok(())
    }

    /// One target: the batch is handed over as it is where possible.
    fn push_whole(&mut self, batch: &mut Batch<T>) -> Progress {
        batch.forget_origin();
        if self.lanes[0].partial.len() >= self.limit {
            self.make_room(0)?;
        }
        let lane = &mut self.lanes[0];
        lane.partial.append(batch);
        // Copying small batches together is cheaper than messages; copying large ones is not.
        if lane.partial.len() * 2 >= self.limit {
            // Without credit the records wait in the lane; the next call finds it full and blocks.
            self.send(0);
        }
        Ok(())
    }

    fn push_everywhere(&mut self, batch: &mut Batch<T>) -> Progress {
        batch.forget_origin();
        for lane in 0..self.lanes.len() {
            if self.lanes[lane].partial.len() >= self.limit {
                self.make_room(lane)?;
            }
        }
        for lane in &mut self.lanes {
            lane.partial.append(&mut batch.clone());
        }
        batch.clear();
        Ok(())
    }

    fn push_routed(&mut self, batch: &mut Batch<T>) -> Progress {
        self.router.route(batch, &mut self.routes);
        batch.forget_origin();
        let mut records = batch.consume();
        // A run is no longer than a full batch, so that no lane ever holds more than two.
        for routes in self.routes.chunks(self.limit) {
            if let [first, second] = self.lanes.as_mut_slice() {
                for (number, lane) in [&mut *first, &mut *second].into_iter().enumerate() {
                    if lane.partial.len() >= self.limit && routes.contains(&(number as u16)) {
                        lane.make_room(&self.size, &self.task)?;
                    }
                }
                records.deal_to_two(routes, [&mut first.partial, &mut second.partial]);
            } else {
                self.deal.sort(routes, self.lanes.len());
                for (number, lane) in self.lanes.iter_mut().enumerate() {
                    if lane.partial.len() >= self.limit && !self.deal.picks(number).is_empty() {
                        lane.make_room(&self.size, &self.task)?;
                    }
                }
                records.deal(&self.deal, self.lanes.iter_mut().map(|lane| &mut *lane.partial));
            }
            for lane in &mut self.lanes {
                // Nearly full counts as full, since another run might overfill it.
                if lane.partial.len() * 4 >= self.limit * 3 {
                    lane.send(&self.size, &self.task);
                }
            }
        }
        Ok(())
    }
}

impl<T: Data> Stage<T> for Exchange<T> {
    fn push(&mut self, batch: &mut Batch<T>) -> Progress {
        if batch.is_empty() {
            return Ok(());
        }
        self.size.sample(batch.values());
        self.limit = self.size.batch_records();
        // Keys and targets are found by user code.
        let name = Arc::clone(&self.name);
        let _blame = blame::Operator(&name);
        self.router.prepare(batch);
        if self.router.kind() == Partitioning::Broadcast {
            self.push_everywhere(batch)
        } else if self.lanes.len() == 1 {
            self.push_whole(batch)
        } else {
            self.push_routed(batch)
        }
    }

    fn signal(&mut self, signal: &Signal) -> Progress {
        match signal {
            Signal::Flush => {
                for lane in 0..self.lanes.len() {
                    self.send(lane);
                }
            }
            Signal::FlushOld => {
                for lane in 0..self.lanes.len() {
                    if self.lanes[lane].aged {
                        self.send(lane);
                    } else {
                        self.lanes[lane].aged = !self.lanes[lane].partial.is_empty();
                    }
                }
            }
            Signal::ProcessingTime(_) | Signal::SplitsStart(_) | Signal::SplitIdle(_) | Signal::SplitEnd(_) => {}
            Signal::Watermark(_) | Signal::Idle | Signal::Active | Signal::End => {
                // In order with the records: all of them first, then the signal to everybody at once.
                self.send_all()?;
                self.send_signal(signal);
            }
            Signal::Barrier(barrier) => self.send_barrier(barrier)?,
        }
        Ok(())
    }

    fn open(&mut self) -> Progress {
        let mut restored = std::mem::take(&mut self.restored);
        let progress = self.push(&mut restored);
        self.restored = restored;
        progress
    }

    fn snapshot(&mut self, to: &mut TaskCapture) -> Result<(), StateError> {
        let waiting: Vec<&Lane<T>> = self.lanes.iter().filter(|lane| lane.unsent().next().is_some()).collect();
        // A broadcast record waits in every lane, and is sent to every lane again.
        let distinct = if self.router.kind() == Partitioning::Broadcast { 1 } else { waiting.len() };
        let sender = self.task.info.subtask;
        for batch in waiting.into_iter().take(distinct).flat_map(Lane::unsent) {
            in_flight::write(batch, &self.uid, (sender, Place::Sender), to)?;
        }
        Ok(())
    }

    fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError> {
        let info = &self.task.info;
        self.restored = in_flight::read(from, &self.uid, info.subtask, info.parallelism)?;
        Ok(())
    }
}
