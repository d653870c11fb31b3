//! A sink that notes when batches come: the pulse of a job.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use millstream::channel::batch::Consume;
use millstream::connector::{Guarantee, NoCommitter, Sink, SinkContext, SinkError, SinkWriter};
use millstream::time::Clock;
use rustix::time::{ClockId, clock_gettime};

/// A batch that has come to the end of the job.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beat {
    /// When, on the job's monotonic clock.
    pub(super) at: Duration,
    /// How long its thread had computed until then; of use if the sink has no thread of its own.
    pub(super) computed: Duration,
    /// Its records.
    pub(super) records: u64,
}

/// All beats of a job so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Beats(Arc<Mutex<Vec<Beat>>>);

impl Beats {
    pub(super) fn take(&self) -> Vec<Beat> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn push(&self, beat: Beat) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(beat);
    }
}

/// Notes each batch of keys with sums, and takes its time if told to.
#[derive(Debug, Clone)]
pub(super) struct BeatSink {
    beats: Beats,
    /// How long it takes over each record.
    delay: Duration,
}

impl BeatSink {
    /// A sink, and where its beats are found.
    pub(super) fn new(delay: Duration) -> (Self, Beats) {
        let beats = Beats::default();
        (Self { beats: beats.clone(), delay }, beats)
    }
}

impl Sink for BeatSink {
    type In = (u64, u64);
    type Committable = ();
    type Writer = BeatWriter;
    type Committer = NoCommitter;

    fn name(&self) -> String {
        "beat".to_owned()
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::None
    }

    fn may_block(&self) -> bool {
        !self.delay.is_zero()
    }

    fn writer(&self, ctx: SinkContext) -> Result<BeatWriter, SinkError> {
        Ok(BeatWriter { sink: self.clone(), clock: ctx.clock, sum: 0 })
    }

    fn committer(&self) -> Result<NoCommitter, SinkError> {
        Ok(NoCommitter)
    }
}

/// How long this thread has computed, the time left out in which others had the processor.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Notes the batches of one subtask.
pub(super) struct BeatWriter {
    sink: BeatSink,
    clock: Arc<dyn Clock>,
    sum: u64,
}

impl SinkWriter for BeatWriter {
    type In = (u64, u64);
    type Committable = ();

    fn write(&mut self, batch: &mut Consume<'_, (u64, u64)>) -> Result<(), SinkError> {
        let (mut records, mut sum) = (0, self.sum);
        for (_, value) in batch {
            records += 1;
            sum = sum.wrapping_add(value);
        }
        self.sum = std::hint::black_box(sum);
        if !self.sink.delay.is_zero() {
            std::thread::sleep(self.sink.delay.saturating_mul(records as u32));
        }
        self.sink.beats.push(Beat { at: self.clock.monotonic(), computed: thread_time(), records });
        Ok(())
    }

    fn prepare_commit(&mut self) -> Result<Vec<()>, SinkError> {
        Ok(Vec::new())
    }
}
