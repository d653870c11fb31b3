//! Credits: how many batches may be on their way to one input of one subtask.
//!
//! A channel owns [`OWN_BATCHES`]; beyond them it draws on a pool that floats between the channels of the input and so
//! serves the busy ones. Both are bounded in bytes as well. A batch counts until the receiver has *processed* it, and
//! its memory is then reused: in a steady state nothing is allocated.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Batch;
use super::size::MAX_BATCH_BYTES;
use crate::operator::Wake;

/// Batches that each channel may always have on their way.
const OWN_BATCHES: usize = 2;
/// Bytes that each channel may always have on their way; one batch is allowed whatever its size.
const OWN_BYTES: usize = 2 * MAX_BATCH_BYTES;
/// Batches that float between the channels of one input.
const FLOATING_BATCHES: usize = 8;
/// Bytes that float between the channels of one input.
const FLOATING_BYTES: usize = 4 * MAX_BATCH_BYTES;

/// The right to have one batch on its way; goes with the batch and comes back when it has been processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grant {
    channel: usize,
    bytes: usize,
    floating: bool,
}

#[cfg(test)]
impl Grant {
    /// A right that no credits have given, for tests without any.
    pub(crate) fn of_nobody() -> Self {
        Self { channel: 0, bytes: 0, floating: false }
    }
}

/// The credits of one input, shared by its senders and its receiver.
pub(crate) struct Credits<T> {
    inner: Mutex<Inner<T>>,
}

struct Inner<T> {
    channels: Vec<Channel>,
    floating: Used,
    /// Channels that were refused, in order of asking.
    waiting: VecDeque<usize>,
    #[expect(clippy::vec_box, reason = "batches travel boxed, and are handed over without being moved")]
    empties: Vec<Box<Batch<T>>>,
}

#[derive(Default)]
struct Channel {
    own: Used,
    /// Set while the channel waits for credit.
    waiting: Option<Arc<dyn Wake>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Used {
    batches: usize,
    bytes: usize,
}

impl Used {
    fn take(&mut self, bytes: usize, max_batches: usize, max_bytes: usize) -> bool {
        let fits = self.batches < max_batches && self.bytes + bytes <= max_bytes;
        if fits {
            self.batches += 1;
            self.bytes += bytes;
        }
        fits
    }

    fn give_back(&mut self, bytes: usize) {
        self.batches -= 1;
        self.bytes -= bytes;
    }
}

impl<T> Credits<T> {
    pub(crate) fn new(channels: usize) -> Arc<Self> {
        Arc::new(Self {
            inner: Mutex::new(Inner {
                channels: (0..channels).map(|_| Channel::default()).collect(),
                floating: Used::default(),
                waiting: VecDeque::new(),
                empties: Vec::new(),
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        // Nothing in here runs user code except dropping records, which happens with the counts already in order.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for the right to send a batch of so many bytes; answers with it and with an empty batch to fill next.
    /// If refused, `waker` is called once there is room again.
    pub(crate) fn acquire(
        &self,
        channel: usize,
        bytes: usize,
        waker: &Arc<dyn Wake>,
    ) -> Option<(Grant, Box<Batch<T>>)> {
        let mut inner = self.lock();
        let own = &mut inner.channels[channel].own;
        // The first batch passes whatever its size, or a large record could never be sent.
        let max_bytes = if own.batches == 0 { usize::MAX } else { OWN_BYTES };
        let floating = if own.take(bytes, OWN_BATCHES, max_bytes) {
            false
        } else if inner.floating.take(bytes, FLOATING_BATCHES, FLOATING_BYTES) {
            true
        } else {
            if inner.channels[channel].waiting.is_none() {
                inner.waiting.push_back(channel);
            }
            inner.channels[channel].waiting = Some(Arc::clone(waker));
            return None;
        };
        let empty = inner.empties.pop().unwrap_or_default();
        Some((Grant { channel, bytes, floating }, empty))
    }

    /// Gives back a batch that has been processed.
    pub(crate) fn give_back(&self, grant: Grant, mut batch: Box<Batch<T>>) {
        batch.clear();
        let mut inner = self.lock();
        inner.empties.push(batch);
        if grant.floating {
            inner.floating.give_back(grant.bytes);
        } else {
            inner.channels[grant.channel].own.give_back(grant.bytes);
        }
        // A channel's own credit serves that channel; a floating one serves whoever has waited longest.
        let next = if grant.floating { inner.waiting.front().copied() } else { Some(grant.channel) };
        let waker = next.and_then(|channel| {
            let waker = inner.channels[channel].waiting.take()?;
            inner.waiting.retain(|waiting| *waiting != channel);
            Some(waker)
        });
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// How many batches are on their way.
    #[cfg(test)]
    pub(crate) fn in_flight(&self) -> usize {
        let inner = self.lock();
        inner.floating.batches + inner.channels.iter().map(|channel| channel.own.batches).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Default)]
    struct CountWakes(AtomicUsize);

    impl Wake for CountWakes {
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn fill(credits: &Credits<u64>, channel: usize, bytes: usize, waker: &Arc<dyn Wake>) -> Vec<Grant> {
        std::iter::from_fn(|| credits.acquire(channel, bytes, waker).map(|(grant, _)| grant)).collect()
    }

    #[test]
    fn a_busy_channel_gets_the_floating_batches_and_a_quiet_one_keeps_its_own() {
        let credits = Credits::<u64>::new(3);
        let counter = Arc::new(CountWakes::default());
        let waker: Arc<dyn Wake> = counter.clone();
        let busy = fill(&credits, 0, 100, &waker);
        assert_eq!(busy.len(), OWN_BATCHES + FLOATING_BATCHES);
        assert_eq!(fill(&credits, 1, 100, &waker).len(), OWN_BATCHES);
        assert_eq!(counter.0.load(Ordering::Relaxed), 0);
        let floating = *busy.iter().find(|grant| grant.floating).unwrap();
        credits.give_back(floating, Box::default());
        assert_eq!(counter.0.load(Ordering::Relaxed), 1);
        assert_eq!(credits.in_flight(), OWN_BATCHES * 2 + FLOATING_BATCHES - 1);
    }

    #[test]
    fn bytes_bound_what_is_in_flight_but_one_batch_always_passes() {
        let credits = Credits::<u64>::new(1);
        let waker: Arc<dyn Wake> = Arc::new(CountWakes::default());
        let grants = fill(&credits, 0, 10 * MAX_BATCH_BYTES, &waker);
        assert_eq!(grants.len(), 1);
        credits.give_back(grants[0], Box::default());
        assert_eq!(fill(&credits, 0, MAX_BATCH_BYTES, &waker).len(), 6);
    }
}
