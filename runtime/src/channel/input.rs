//! The receiving side: what waits to be processed, how watermarks of several channels become one, and how barriers
//! are aligned.
//!
//! Pure bookkeeping: the actor puts messages in and takes work out.
//!
//! A barrier splits each channel into before and after. **Aligned**, a channel that has reached it is held until all
//! have. **Overtaking**, the barrier is handed on as soon as it has arrived on one channel; the batches that it has
//! overtaken, and those that still arrive before it on other channels, are captured for the snapshot and processed
//! as usual.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;

use super::credit::Grant;
use super::exchange::Payload;
use crate::checkpoint::{Barrier, CheckpointId};
use crate::operator::Signal;
use crate::time::Timestamp;

/// The next thing to do.
pub(crate) enum Work {
    /// Process a `Box<Batch<T>>` that came over the head's `input`th edge, then give it back.
    Batch { input: usize, batch: Box<dyn Any + Send>, grant: Grant },
    /// Hand a signal to the chain.
    Signal(Signal),
    /// All that was before the barrier has been processed or is overtaken: take a snapshot.
    Barrier(Arc<Barrier>),
}

/// Where a channel comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChannelSource {
    /// Which of the head's edges it belongs to.
    pub(crate) input: usize,
    /// The sending subtask.
    pub(crate) sender: usize,
}

struct InputChannel {
    source: ChannelSource,
    watermark: Timestamp,
    idle: bool,
    ended: bool,
    /// Whether it has reached the barrier being aligned.
    passed: bool,
    /// Whether what it brings is put aside until the alignment is over.
    held: bool,
}

struct Entry {
    channel: usize,
    payload: Payload,
    /// Whether a barrier has overtaken it that its capture still waits for.
    overtaken: bool,
}

/// A barrier that some channels have reached.
struct Alignment {
    barrier: Arc<Barrier>,
    overtaking: bool,
}

/// The inputs of one subtask.
pub(crate) struct InputGate {
    channels: Vec<InputChannel>,
    /// In order of arrival. Bounded: batches by credits, signals by the batches and intervals between them.
    queue: VecDeque<Entry>,
    /// What held channels have brought, to be taken before the queue once they are no longer held.
    held: VecDeque<Entry>,
    /// Signals that merging has produced, to be handed on before more is taken from the queue.
    produced: VecDeque<Signal>,
    watermark: Timestamp,
    idle: bool,
    /// Whether barriers may overtake: all edges are of a kind whose records can be routed anew.
    may_overtake: bool,
    alignment: Option<Alignment>,
    /// Barriers in the queue.
    waiting_barriers: usize,
}

impl InputGate {
    /// A gate with these channels.
    pub(crate) fn new(sources: &[ChannelSource], may_overtake: bool) -> Self {
        let channel = |&source| InputChannel {
            source,
            watermark: Timestamp::MIN,
            idle: false,
            ended: false,
            passed: false,
            held: false,
        };
        // A subtask that nobody sends to, such as all but the first behind a global exchange, has nothing to wait for.
        let at_once =
            if sources.is_empty() { vec![Signal::Watermark(Timestamp::MAX), Signal::End] } else { Vec::new() };
        Self {
            channels: sources.iter().map(channel).collect(),
            queue: VecDeque::new(),
            held: VecDeque::new(),
            produced: at_once.into(),
            watermark: Timestamp::MIN,
            idle: false,
            may_overtake,
            alignment: None,
            waiting_barriers: 0,
        }
    }

    /// A message has arrived.
    pub(crate) fn put(&mut self, channel: usize, payload: Payload) {
        if let (Payload::Signal(Signal::Watermark(_)), Some(last)) = (&payload, self.queue.back())
            && matches!(last.payload, Payload::Signal(Signal::Watermark(_)))
            && last.channel == channel
        {
            // Only the later of two watermarks with nothing between them counts.
            self.queue.pop_back();
        }
        if let Payload::Signal(Signal::Barrier(barrier)) = &payload {
            if self.overtaking().is_some_and(|id| id == barrier.id) {
                // Everything before it on this channel has been noted.
                self.pass(channel);
                return;
            }
            self.waiting_barriers += 1;
        }
        let overtaken = self.overtaking().is_some() && !self.channels[channel].passed;
        self.queue.push_back(Entry { channel, payload, overtaken });
    }

    /// How many messages wait.
    pub(crate) fn len(&self) -> usize {
        self.queue.len() + self.held.len()
    }

    fn overtaking(&self) -> Option<CheckpointId> {
        self.alignment.as_ref().filter(|alignment| alignment.overtaking).map(|alignment| alignment.barrier.id)
    }

    /// Whether batches that arrive may still have to be captured for a snapshot.
    pub(crate) fn is_capturing(&self) -> bool {
        self.overtaking().is_some()
    }

    /// Whether some channels have reached a barrier and others have not.
    pub(crate) fn is_aligning(&self) -> bool {
        self.alignment.as_ref().is_some_and(|alignment| !alignment.overtaking)
    }

    /// When the first barrier that waits begins to overtake; `MAX` if none will.
    pub(crate) fn overtake_at(&self) -> Timestamp {
        match &self.alignment {
            _ if !self.may_overtake => Timestamp::MAX,
            Some(alignment) if alignment.overtaking => Timestamp::MAX,
            Some(alignment) => alignment.barrier.overtake_at,
            None if self.waiting_barriers == 0 => Timestamp::MAX,
            None => self.first_barrier().map_or(Timestamp::MAX, |barrier| barrier.overtake_at),
        }
    }

    fn first_barrier(&self) -> Option<Arc<Barrier>> {
        self.queue.iter().find_map(|entry| match &entry.payload {
            Payload::Signal(Signal::Barrier(barrier)) => Some(Arc::clone(barrier)),
            _ => None,
        })
    }

    /// Takes out the next thing to do; `now` is processing time.
    pub(crate) fn next(&mut self, now: impl FnOnce() -> Timestamp) -> Option<Work> {
        let overtake_at = self.overtake_at();
        if overtake_at < Timestamp::MAX
            && overtake_at <= now()
            && let Some(barrier) = self.overtake()
        {
            return Some(Work::Barrier(barrier));
        }
        loop {
            if let Some(signal) = self.produced.pop_front() {
                return Some(Work::Signal(signal));
            }
            let entry = self.queue.pop_front()?;
            if self.channels[entry.channel].held {
                self.held.push_back(entry);
                continue;
            }
            match entry.payload {
                Payload::Batch(batch, grant) => {
                    return Some(Work::Batch { input: self.channels[entry.channel].source.input, batch, grant });
                }
                Payload::Signal(Signal::Barrier(barrier)) => {
                    if let Some(work) = self.reach(entry.channel, barrier) {
                        return Some(work);
                    }
                }
                Payload::Signal(signal) => self.merge(entry.channel, signal),
            }
        }
    }

    /// A channel has come to a barrier in order.
    fn reach(&mut self, channel: usize, barrier: Arc<Barrier>) -> Option<Work> {
        match &self.alignment {
            Some(alignment) if alignment.barrier.id != barrier.id => {
                // It waits, with all behind it, until the barrier before it is done with.
                self.channels[channel].held = true;
                let payload = Payload::Signal(Signal::Barrier(barrier));
                self.held.push_back(Entry { channel, payload, overtaken: false });
                return None;
            }
            Some(_) => {}
            None => self.alignment = Some(Alignment { barrier: Arc::clone(&barrier), overtaking: false }),
        }
        self.waiting_barriers -= 1;
        self.channels[channel].held = !barrier.at_least_once;
        self.pass(channel).then_some(Work::Barrier(barrier))
    }

    /// Notes that a channel has reached the barrier; answers whether all have, which ends the alignment.
    fn pass(&mut self, channel: usize) -> bool {
        self.channels[channel].passed = true;
        let all = self.channels.iter().all(|channel| channel.passed);
        if all {
            self.end_alignment();
        }
        all
    }

    fn end_alignment(&mut self) {
        self.alignment = None;
        for channel in &mut self.channels {
            channel.passed = false;
            channel.held = false;
        }
        // What was held is older than what waits in the queue.
        while let Some(entry) = self.held.pop_back() {
            self.queue.push_front(entry);
        }
    }

    /// Has the first barrier that waits overtake everything.
    fn overtake(&mut self) -> Option<Arc<Barrier>> {
        let barrier = match &self.alignment {
            Some(alignment) => Arc::clone(&alignment.barrier),
            None => self.first_barrier()?,
        };
        self.alignment = Some(Alignment { barrier: Arc::clone(&barrier), overtaking: true });
        // Channels that were held for having passed go on: what they bring is after the barrier.
        while let Some(entry) = self.held.pop_back() {
            self.queue.push_front(entry);
        }
        self.channels.iter_mut().for_each(|channel| channel.held = false);
        let channels = &mut self.channels;
        let waiting = &mut self.waiting_barriers;
        self.queue.retain_mut(|entry| {
            let channel = &mut channels[entry.channel];
            match &entry.payload {
                Payload::Signal(Signal::Barrier(other)) if other.id == barrier.id => {
                    channel.passed = true;
                    *waiting -= 1;
                    false
                }
                _ => {
                    entry.overtaken = !channel.passed;
                    true
                }
            }
        });
        if self.channels.iter().all(|channel| channel.passed) {
            self.end_alignment();
        }
        Some(barrier)
    }

    /// Hands every batch that a barrier has overtaken to `capture`, in order, once.
    pub(crate) fn capture<E>(
        &mut self,
        mut capture: impl FnMut(ChannelSource, &(dyn Any + Send)) -> Result<(), E>,
    ) -> Result<(), E> {
        for entry in self.queue.iter_mut().filter(|entry| entry.overtaken) {
            entry.overtaken = false;
            if let Payload::Batch(batch, _) = &entry.payload {
                capture(self.channels[entry.channel].source, &**batch)?;
            }
        }
        Ok(())
    }

    fn merge(&mut self, channel: usize, signal: Signal) {
        let this = &mut self.channels[channel];
        match signal {
            Signal::Watermark(watermark) => {
                this.watermark = this.watermark.max(watermark);
                this.idle = false;
            }
            Signal::Idle => this.idle = true,
            Signal::Active => this.idle = false,
            Signal::End => this.ended = true,
            Signal::ProcessingTime(_)
            | Signal::Flush
            | Signal::FlushOld
            | Signal::SplitsStart(_)
            | Signal::SplitIdle(_)
            | Signal::SplitEnd(_)
            | Signal::Barrier(_) => return,
        }
        let running = self.channels.iter().filter(|channel| !channel.ended);
        let idle = running.clone().count() > 0 && running.clone().all(|channel| channel.idle);
        let (rests, wakes) = (idle && !self.idle, !idle && self.idle);
        self.idle = idle;
        if wakes {
            self.produced.push_back(Signal::Active);
        }
        let all_ended = self.channels.iter().all(|channel| channel.ended);
        let reached = if all_ended {
            self.channels.iter().map(|channel| channel.watermark).max()
        } else if rests {
            // Nobody is waited for any more, so it does not matter which of them was idle first.
            running.map(|channel| channel.watermark).max()
        } else {
            // An ended channel has said its last watermark before it ended; it holds nobody back.
            running.filter(|channel| !channel.idle).map(|channel| channel.watermark).min()
        };
        if let Some(watermark) = reached
            && watermark > self.watermark
        {
            self.watermark = watermark;
            self.produced.push_back(Signal::Watermark(watermark));
        }
        // Last, since a watermark says that there is somebody.
        if rests {
            self.produced.push_back(Signal::Idle);
        }
        if all_ended {
            self.produced.push_back(Signal::End);
        }
    }
}

#[cfg(test)]
mod tests;
