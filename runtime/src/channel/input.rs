//! The receiving side: what waits to be processed, and how watermarks of several channels become one.
//!
//! Pure bookkeeping: the actor puts messages in and takes work out.

use std::any::Any;
use std::collections::VecDeque;

use super::credit::Grant;
use super::exchange::Payload;
use crate::operator::Signal;
use crate::time::Timestamp;

/// The next thing to do.
pub(crate) enum Work {
    /// Process a `Box<Batch<T>>` that came over the head's `input`th edge, then give it back.
    Batch { input: usize, batch: Box<dyn Any + Send>, grant: Grant },
    /// Hand a signal to the chain.
    Signal(Signal),
}

struct InputChannel {
    input: usize,
    watermark: Timestamp,
    idle: bool,
    ended: bool,
}

/// The inputs of one subtask.
pub(crate) struct InputGate {
    channels: Vec<InputChannel>,
    /// In order of arrival. Bounded: batches by credits, signals by the batches and intervals between them.
    queue: VecDeque<(usize, Payload)>,
    /// Signals that merging has produced, to be handed on before more is taken from the queue.
    produced: VecDeque<Signal>,
    watermark: Timestamp,
    idle: bool,
}

impl InputGate {
    /// A gate with a channel for each element of `inputs`, which says which of the head's edges it belongs to.
    pub(crate) fn new(inputs: &[usize]) -> Self {
        let channel = |&input| InputChannel { input, watermark: Timestamp::MIN, idle: false, ended: false };
        // A subtask that nobody sends to, such as all but the first behind a global exchange, has nothing to wait for.
        let at_once = if inputs.is_empty() { vec![Signal::Watermark(Timestamp::MAX), Signal::End] } else { Vec::new() };
        Self {
            channels: inputs.iter().map(channel).collect(),
            queue: VecDeque::new(),
            produced: at_once.into(),
            watermark: Timestamp::MIN,
            idle: false,
        }
    }

    /// A message has arrived.
    pub(crate) fn put(&mut self, channel: usize, payload: Payload) {
        if let (Payload::Signal(Signal::Watermark(_)), Some((last, Payload::Signal(Signal::Watermark(_))))) =
            (&payload, self.queue.back())
            && *last == channel
        {
            // Only the later of two watermarks with nothing between them counts.
            self.queue.pop_back();
        }
        self.queue.push_back((channel, payload));
    }

    /// How many messages wait.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Takes out the next thing to do.
    pub(crate) fn next(&mut self) -> Option<Work> {
        loop {
            if let Some(signal) = self.produced.pop_front() {
                return Some(Work::Signal(signal));
            }
            match self.queue.pop_front()? {
                (channel, Payload::Batch(batch, grant)) => {
                    return Some(Work::Batch { input: self.channels[channel].input, batch, grant });
                }
                (channel, Payload::Signal(signal)) => self.merge(channel, signal),
            }
        }
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
            | Signal::SplitEnd(_) => return,
        }
        let running = self.channels.iter().filter(|channel| !channel.ended);
        let idle = running.clone().count() > 0 && running.clone().all(|channel| channel.idle);
        if idle != self.idle {
            self.idle = idle;
            self.produced.push_back(if idle { Signal::Idle } else { Signal::Active });
        }
        // An ended channel has said its last watermark before it ended; it holds nobody back.
        let lowest = running.filter(|channel| !channel.idle).map(|channel| channel.watermark).min();
        let last = self.channels.iter().map(|channel| channel.watermark).max();
        let all_ended = self.channels.iter().all(|channel| channel.ended);
        if let Some(watermark) = if all_ended { last } else { lowest }
            && watermark > self.watermark
        {
            self.watermark = watermark;
            self.produced.push_back(Signal::Watermark(watermark));
        }
        if all_ended {
            self.produced.push_back(Signal::End);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(channels: usize, steps: &[(usize, Signal)], expected: &[Signal]) {
        let mut gate = InputGate::new(&vec![0; channels]);
        for (channel, signal) in steps {
            gate.put(*channel, Payload::Signal(signal.clone()));
        }
        let mut produced = Vec::new();
        while let Some(Work::Signal(signal)) = gate.next() {
            produced.push(signal);
        }
        assert_eq!(produced, expected);
    }

    fn watermark(millis: i64) -> Signal {
        Signal::Watermark(Timestamp::from_millis(millis))
    }

    #[test]
    fn the_slowest_channel_holds_the_watermark() {
        check(
            2,
            &[(0, watermark(5)), (1, watermark(3)), (0, watermark(9)), (1, watermark(7))],
            &[watermark(3), watermark(7)],
        );
    }

    #[test]
    fn an_idle_channel_is_left_out_and_does_not_move_time_back_when_it_returns() {
        check(
            2,
            &[(0, watermark(5)), (1, Signal::Idle), (1, watermark(3)), (1, watermark(8)), (0, watermark(9))],
            &[watermark(5), watermark(8)],
        );
    }

    #[test]
    fn all_idle_is_idle_and_any_active_is_active() {
        check(
            2,
            &[(0, Signal::Idle), (1, Signal::Idle), (0, watermark(4))],
            &[Signal::Idle, Signal::Active, watermark(4)],
        );
    }

    #[test]
    fn without_channels_the_end_comes_at_once() {
        check(0, &[], &[Signal::Watermark(Timestamp::MAX), Signal::End]);
    }

    #[test]
    fn an_ended_channel_holds_nobody_back() {
        check(2, &[(0, Signal::End), (1, watermark(4)), (1, Signal::End)], &[watermark(4), Signal::End]);
    }
}
