//! What the windowed workloads share: the job around a window, and how results are told apart.

use millstream::connector::GeneratorSource;
use millstream::prelude::*;
use millstream::window::{WindowAssigner, WindowContext};

use crate::Fingerprint;
use crate::input::{Event, scatter};
use crate::tally::TallySink;

/// A key, the start and the end of a window in milliseconds, and a count.
pub(crate) type WindowCount = (u64, i64, i64, u64);

/// A number for a result, so that a wrong one changes the fingerprint.
pub(crate) fn window_code(key: u64, start_millis: i64, end_millis: i64, count: u64) -> u64 {
    scatter(key)
        .wrapping_add(scatter(start_millis as u64).rotate_left(21))
        .wrapping_add(scatter(end_millis as u64).rotate_left(42))
        .wrapping_mul(2 * count + 1)
}

/// Counts the events of each key and window.
pub(super) fn window_job(
    name: &str,
    events: GeneratorSource<Event>,
    windows: impl WindowAssigner<Event>,
    parallelism: usize,
) -> Result<Fingerprint> {
    let env = Environment::new(name);
    env.set_parallelism(parallelism);
    let in_order = WatermarkStrategy::monotonous().timestamps(|event: &Event| Timestamp::from_millis(event.millis));
    let (sink, tally) = TallySink::new(|&(key, start, end, count): &WindowCount| window_code(key, start, end, count));
    env.source(events)
        .watermarks(in_order)
        .key_by(|event| &event.key)
        .window(windows)
        .aggregate_with(Count, |key: &u64, window: &mut WindowContext<'_>, count, out: &mut Collector<WindowCount>| {
            out.emit((*key, window.start().as_millis(), window.end().as_millis(), count));
        })
        .sink(sink);
    env.execute()?;
    Ok(tally.take())
}

/// Counts events.
#[derive(Clone)]
pub(crate) struct Count;

impl Aggregate for Count {
    type In = Event;
    type Acc = u64;
    type Out = u64;

    fn create(&self) -> u64 {
        0
    }

    fn add(&self, count: &mut u64, _event: Event) {
        *count += 1;
    }

    fn merge(&self, count: &mut u64, other: u64) {
        *count += other;
    }

    fn result(&self, count: &u64) -> u64 {
        *count
    }
}
