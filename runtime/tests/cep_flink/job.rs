//! Our answers to cases by whole jobs, which are snapshotted on the way and go on at another parallelism, on any backend.

use millstream::cep::PatternError;
use millstream::prelude::*;
use millstream::state::StateBackend;
use millstream::testing::Harness;

use crate::case::{Answer, Case};
use crate::ours::{Event, events, pattern, written};

const LATE: OutputTag<Event> = OutputTag::new("late");
const TIMED_OUT: OutputTag<millstream::cep::Match<Event>> = OutputTag::new("timed out");

/// Which of a job's outputs to look at: the harness has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Matches,
    TimedOut,
    Late,
}

/// A job that is moved to another parallelism and backend before an input.
#[derive(Debug)]
pub(crate) struct Move {
    pub(crate) before: usize,
    pub(crate) from: (usize, StateBackend),
    pub(crate) to: (usize, StateBackend),
}

/// The answer of a job; `None` if it may not run as a job, though it is a pattern, since its state would grow without end.
pub(crate) fn by_a_job(case: &Case, moved: &Move) -> Option<Answer> {
    let mut answer = Answer::default();
    if case.processing_time && case.flink.as_ref().is_some_and(|flink| flink.failed.is_some()) {
        // A harness whose clock moves on does not hand out the failure.
        return None;
    }
    match pattern(&case.pattern, case.skip.as_ref()).check() {
        Err(PatternError::UnboundedLoop(_)) => return None,
        Err(error) => answer.refused = Some(error.to_string()),
        Ok(()) => {
            for side in [Side::Matches, Side::TimedOut, Side::Late] {
                match run(case, moved, side) {
                    Err(failed) => answer.failed = Some(failed),
                    Ok(output) => match side {
                        Side::Matches => answer.matches = output,
                        Side::TimedOut => answer.timed_out = output,
                        Side::Late => answer.late = output.iter().map(|number| number.parse().unwrap()).collect(),
                    },
                }
            }
            answer.late.sort_unstable();
        }
    }
    Some(answer)
}

fn run(case: &Case, moved: &Move, side: Side) -> Result<Vec<String>, String> {
    let job = |events: Stream<Event>| build(case, side, events);
    let mut harness = Harness::with_backend(job, moved.from.0, None, &moved.from.1);
    let mut output = Vec::new();
    let (mut watermark, mut now) = (Timestamp::MIN, Timestamp::MIN);
    for (at, (event, time)) in events(case).enumerate() {
        if at == moved.before {
            harness.try_settle().map_err(|error| error.to_string())?;
            output.extend(harness.timed_output());
            harness = Harness::with_backend(job, moved.to.0, Some(&harness.snapshot()), &moved.to.1);
            if case.processing_time {
                harness.advance_processing_time(now);
            } else {
                harness.watermark(watermark);
            }
        }
        let time = Timestamp::from_millis(time);
        if case.processing_time && time > now {
            harness.try_settle().map_err(|error| error.to_string())?;
            now = time;
            harness.advance_processing_time(now);
        }
        match event {
            Some(event) => harness.push_at(event, time),
            None if !case.processing_time => {
                watermark = time;
                harness.watermark(watermark);
                // Or the next one would take its place.
                harness.try_settle().map_err(|error| error.to_string())?;
            }
            None => {}
        }
    }
    if !case.processing_time {
        harness.watermark(Timestamp::MAX);
    }
    harness.try_settle().map_err(|error| error.to_string())?;
    output.extend(harness.timed_output());
    let timed = |(text, time): (String, Timestamp)| match (side, case.processing_time) {
        (Side::Late, _) | (_, true) => text,
        _ => format!("{text}@{}", time.as_millis()),
    };
    Ok(output.into_iter().map(timed).collect())
}

fn build(case: &Case, side: Side, events: Stream<Event>) -> Stream<String> {
    let pattern = pattern(&case.pattern, case.skip.as_ref());
    let mut found = events.key_by(|event| &event.key).pattern(pattern).late_output(LATE).timed_out(TIMED_OUT);
    if case.by_value {
        found = found.order(|one, other| one.value.cmp(&other.value));
    }
    if case.processing_time {
        found = found.processing_time();
    }
    let found = found.select(written).uid("patterns");
    match side {
        Side::Matches => found,
        Side::TimedOut => found.side_output(TIMED_OUT).map(|partial| written(&partial)),
        Side::Late => found.side_output(LATE).map(|event| event.number.to_string()),
    }
}
