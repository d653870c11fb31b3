//! Where the time of a subtask goes.
//!
//! From its start to its end a subtask is doing exactly one thing, so the times always add up to its age, also in the
//! middle of a long wait. The subtask switches, anyone may read.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use super::metrics::{Count, Level};
use crate::time::Clock;

/// What a subtask is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Working, or waiting for its turn while its slot's other subtasks have theirs.
    Busy,
    /// Waiting for input.
    Idle,
    /// Waiting for room in an output.
    BackPressured,
    /// It has not been started yet, or has ended.
    Nothing,
}

impl Doing {
    const COUNTED: [Self; 3] = [Self::Busy, Self::Idle, Self::BackPressured];
}

/// The times of one subtask, measured by its job's monotonic clock.
#[derive(Debug)]
pub(crate) struct TaskTime {
    /// By [`Doing`], up to the last switch.
    micros: [Count; Doing::COUNTED.len()],
    doing: AtomicU8,
    /// The time of the last switch, in microseconds.
    since: Level,
}

impl Default for TaskTime {
    fn default() -> Self {
        Self { micros: Default::default(), doing: AtomicU8::new(Doing::Nothing as u8), since: Level::default() }
    }
}

impl TaskTime {
    /// From now on the subtask does this. The clock is read only if it is something else than before.
    pub(crate) fn switch(&self, to: Doing, clock: &dyn Clock) {
        let doing = self.doing.load(Ordering::Relaxed);
        if doing == to as u8 {
            return;
        }
        let now = micros(clock.monotonic());
        if let Some(counted) = self.micros.get(usize::from(doing)) {
            counted.add(now.saturating_sub(self.since.get()));
        }
        self.since.set(now);
        self.doing.store(to as u8, Ordering::Relaxed);
    }

    /// The microseconds spent until `now`. Read during a switch they may be off by what was being done till then;
    /// the next reading is right again.
    pub(crate) fn spent(&self, now: Duration) -> Spent {
        let doing = usize::from(self.doing.load(Ordering::Relaxed));
        let going_on = micros(now).saturating_sub(self.since.get());
        let [busy, idle, back_pressured] = Doing::COUNTED.map(|what| {
            let what = what as usize;
            self.micros[what].get() + if what == doing { going_on } else { 0 }
        });
        Spent { busy, idle, back_pressured }
    }
}

/// Microseconds by what was done in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Spent {
    pub(crate) busy: u64,
    pub(crate) idle: u64,
    pub(crate) back_pressured: u64,
}

impl Spent {
    /// The time from the start to now or to the end.
    pub(crate) fn total(self) -> Duration {
        Duration::from_micros(self.busy + self.idle + self.back_pressured)
    }

    /// What was spent after `earlier`, as milliseconds per second of `elapsed`.
    pub(crate) fn per_second_since(self, earlier: Self, elapsed: Duration) -> MillisPerSecond {
        let rate = |now: u64, then: u64| {
            let share = now.saturating_sub(then) as f64 / micros(elapsed).max(1) as f64;
            (share * 1000.0).min(1000.0)
        };
        MillisPerSecond {
            busy: rate(self.busy, earlier.busy),
            idle: rate(self.idle, earlier.idle),
            back_pressured: rate(self.back_pressured, earlier.back_pressured),
        }
    }
}

/// Shares of a second, 1000 at most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct MillisPerSecond {
    pub(crate) busy: f64,
    pub(crate) idle: f64,
    pub(crate) back_pressured: f64,
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{ManualClock, Timestamp};

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A subtask that does these things from these seconds on.
    fn history(switches: &[(u64, Doing)]) -> TaskTime {
        let time = TaskTime::default();
        for (seconds, doing) in switches {
            let now = i64::try_from(seconds * 1000).unwrap();
            time.switch(*doing, &ManualClock::at(Timestamp::from_millis(now)));
        }
        time
    }

    #[test]
    fn the_times_add_up_to_the_age_also_during_a_wait() {
        let time = history(&[(5, Doing::Busy), (7, Doing::Idle)]);
        assert_eq!(time.spent(at(10)), Spent { busy: 2_000_000, idle: 3_000_000, back_pressured: 0 });
        let time = history(&[(5, Doing::Busy), (6, Doing::Busy), (7, Doing::Idle), (11, Doing::BackPressured)]);
        assert_eq!(time.spent(at(12)), Spent { busy: 2_000_000, idle: 4_000_000, back_pressured: 1_000_000 });
    }

    #[test]
    fn time_before_the_start_and_after_the_end_is_not_counted() {
        assert_eq!(history(&[]).spent(at(3)), Spent::default());
        let time = history(&[(3, Doing::Busy), (4, Doing::Nothing)]);
        assert_eq!(time.spent(at(9)), Spent { busy: 1_000_000, ..Spent::default() });
    }

    #[test]
    fn shares_are_of_the_interval_and_never_above_it() {
        let now = Spent { busy: 3_500_000, idle: 500_000, back_pressured: 9_000_000 };
        let then = Spent { busy: 3_000_000, idle: 600_000, back_pressured: 0 };
        let shares = now.per_second_since(then, at(2));
        assert_eq!(shares, MillisPerSecond { busy: 250.0, idle: 0.0, back_pressured: 1000.0 });
    }
}
