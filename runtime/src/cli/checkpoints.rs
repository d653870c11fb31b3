//! The engine's flags for checkpoints, restores and restarts.

use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::checkpoint::{CheckpointMode, Checkpointing, RestartStrategy};
use crate::stream::Environment;
use crate::time::duration::parse as duration;

/// The id of `--restore`, which `check` needs.
pub(super) const RESTORE: &str = "millstream.restore";

/// How the job is checkpointed, what it goes on from, and what happens when it fails.
#[derive(Args, Debug, Clone, PartialEq, Eq)]
#[group(skip)]
pub(crate) struct CheckpointArgs {
    /// Take checkpoints, to this directory or URL (such as s3://bucket/prefix)
    #[arg(id = "millstream.checkpoint_dir", long = "checkpoint-dir", value_name = "DIR")]
    pub(crate) dir: Option<String>,

    /// How long after the start of a checkpoint the next one begins [default: 10s]
    #[arg(id = "millstream.checkpoint_interval", long = "checkpoint-interval", value_name = "DURATION", value_parser = interval)]
    interval: Option<Duration>,

    /// How long a checkpoint may take [default: 10min]
    #[arg(id = "millstream.checkpoint_timeout", long = "checkpoint-timeout", value_name = "DURATION", value_parser = interval)]
    timeout: Option<Duration>,

    /// How long after the end of a checkpoint the next one begins at the earliest [default: 0]
    #[arg(id = "millstream.checkpoint_min_pause", long = "checkpoint-min-pause", value_name = "DURATION", value_parser = duration)]
    min_pause: Option<Duration>,

    /// How many checkpoints may be under way at a time [default: 1]
    #[arg(id = "millstream.max_concurrent_checkpoints", long = "max-concurrent-checkpoints", value_name = "N", value_parser = count)]
    max_concurrent: Option<usize>,

    /// How many checkpoints in a row may fail before the job does [default: 5]
    #[arg(id = "millstream.tolerable_failed_checkpoints", long = "tolerable-failed-checkpoints", value_name = "N")]
    tolerable_failures: Option<usize>,

    /// How many completed checkpoints are kept [default: 1]
    #[arg(id = "millstream.retained_checkpoints", long = "retained-checkpoints", value_name = "N", value_parser = count)]
    retained: Option<usize>,

    /// How long barriers wait for the records before them, then overtake: 0 for at once, `never` [default: 10s]
    #[arg(id = "millstream.unaligned_after", long = "unaligned-after", value_name = "DURATION", value_parser = patience)]
    unaligned_after: Option<Patience>,

    /// What a checkpoint promises of the state [default: exactly-once]
    #[arg(id = "millstream.checkpoint_mode", long = "checkpoint-mode", value_name = "MODE")]
    mode: Option<Mode>,

    /// Delete the checkpoints when the job is cancelled
    #[arg(id = "millstream.delete_on_cancel", long = "delete-checkpoints-on-cancel")]
    delete_on_cancel: bool,

    /// Go on from a snapshot: its path, or `latest` for the last one in the checkpoint directory
    #[arg(id = RESTORE, long = "restore", value_name = "latest|PATH")]
    pub(crate) restore: Option<String>,

    /// Drop state in the snapshot that no operator of the job takes
    #[arg(id = "millstream.allow_non_restored_state", long = "allow-non-restored-state")]
    allow_non_restored_state: bool,

    /// What to do when a part of the job fails: `none`, `fixed-delay:ATTEMPTS,DELAY`,
    /// `exponential-delay[:INITIAL,MAX,MULTIPLIER]` or `failure-rate:FAILURES,WITHIN,DELAY`
    /// [default: exponential-delay:1s,1min,1.5 with checkpoints, none without]
    #[arg(id = "millstream.restart", long = "restart", value_name = "STRATEGY", value_parser = restart)]
    restart: Option<Restart>,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Each record is in the state once
    ExactlyOnce,
    /// Each record is in the state at least once; inputs do not wait for one another
    AtLeastOnce,
}

/// How long barriers wait; `None` for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Patience(Option<Duration>);

/// A parsed strategy. Two are equal if they were written alike.
#[derive(Debug, Clone)]
struct Restart {
    text: String,
    strategy: RestartStrategy,
}

impl PartialEq for Restart {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Restart {}

impl CheckpointArgs {
    /// A setting that is of no use without a place for checkpoints, if there is one.
    pub(crate) fn stray(&self) -> Option<&'static str> {
        let settings = [
            ("--checkpoint-interval", self.interval.is_some()),
            ("--checkpoint-timeout", self.timeout.is_some()),
            ("--checkpoint-min-pause", self.min_pause.is_some()),
            ("--max-concurrent-checkpoints", self.max_concurrent.is_some()),
            ("--tolerable-failed-checkpoints", self.tolerable_failures.is_some()),
            ("--retained-checkpoints", self.retained.is_some()),
            ("--unaligned-after", self.unaligned_after.is_some()),
            ("--checkpoint-mode", self.mode.is_some()),
            ("--delete-checkpoints-on-cancel", self.delete_on_cancel),
        ];
        settings.into_iter().find_map(|(flag, given)| given.then_some(flag))
    }

    /// Sets what was said on the command line.
    pub(super) fn configure(&self, env: &Environment) {
        if let Some(checkpointing) = self.dir.as_ref().map(Checkpointing::to).or_else(|| env.checkpointing()) {
            env.set_checkpointing(self.adjust(checkpointing));
        }
        if let Some(from) = &self.restore {
            env.restore_from(from);
        }
        if self.allow_non_restored_state {
            env.allow_non_restored_state(true);
        }
        if let Some(Restart { strategy, .. }) = &self.restart {
            env.set_restart_strategy(strategy.clone());
        }
    }

    fn adjust(&self, mut set: Checkpointing) -> Checkpointing {
        set.interval = self.interval.unwrap_or(set.interval);
        set.timeout = self.timeout.unwrap_or(set.timeout);
        set.min_pause = self.min_pause.unwrap_or(set.min_pause);
        set.max_concurrent = self.max_concurrent.unwrap_or(set.max_concurrent);
        set.tolerable_failures = self.tolerable_failures.unwrap_or(set.tolerable_failures);
        set.retained = self.retained.unwrap_or(set.retained);
        set.unaligned_after = self.unaligned_after.map_or(set.unaligned_after, |Patience(after)| after);
        set.mode = match self.mode {
            None => set.mode,
            Some(Mode::ExactlyOnce) => CheckpointMode::ExactlyOnce,
            Some(Mode::AtLeastOnce) => CheckpointMode::AtLeastOnce,
        };
        set.keep_on_cancel &= !self.delete_on_cancel;
        set
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    match duration(text) {
        Ok(Duration::ZERO) => Err("it must be longer than nothing".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}

fn patience(text: &str) -> Result<Patience, String> {
    if text == "never" {
        return Ok(Patience(None));
    }
    duration(text).map(|after| Patience(Some(after))).map_err(|error| format!("{error}, or `never`"))
}

fn count(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| "write a number from 1 on".to_owned())
}

fn restart(text: &str) -> Result<Restart, String> {
    let (name, rest) = text.split_once(':').unwrap_or((text, ""));
    let parts: Vec<&str> = rest.split(',').filter(|part| !part.is_empty()).collect();
    let span = |text: &str| duration(text).map_err(|error| error.to_string());
    let number = |text: &str| text.trim().parse::<u32>().map_err(|_| format!("`{text}` is not a number"));
    let strategy = match (name, parts.as_slice()) {
        ("none", []) => RestartStrategy::None,
        ("fixed-delay", [attempts, delay]) => {
            RestartStrategy::FixedDelay { attempts: number(attempts)?, delay: span(delay)? }
        }
        ("exponential-delay", []) => RestartStrategy::exponential(),
        ("exponential-delay", [initial, max, multiplier]) => RestartStrategy::ExponentialDelay {
            initial: span(initial)?,
            max: span(max)?,
            multiplier: multiplier.trim().parse().map_err(|_| format!("`{multiplier}` is not a number"))?,
            reset_after: Duration::from_secs(3600),
            attempts: None,
        },
        ("failure-rate", [failures, within, delay]) => {
            RestartStrategy::FailureRate { max_failures: number(failures)?, within: span(within)?, delay: span(delay)? }
        }
        _ => {
            return Err("write `none`, `fixed-delay:3,10s`, `exponential-delay`, `exponential-delay:1s,1min,1.5` or \
                        `failure-rate:3,5min,10s`"
                .to_owned());
        }
    };
    Ok(Restart { text: text.to_owned(), strategy })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restart_strategies_are_read() {
        let strategy = |text: &str| restart(text).unwrap().strategy;
        assert_eq!(strategy("none"), RestartStrategy::None);
        let delay = Duration::from_secs(10);
        assert_eq!(strategy("fixed-delay:3,10s"), RestartStrategy::FixedDelay { attempts: 3, delay });
        assert_eq!(strategy("exponential-delay"), RestartStrategy::exponential());
        assert_eq!(strategy("exponential-delay:1s,1min,1.5"), RestartStrategy::exponential());
        let within = Duration::from_secs(300);
        let rate = RestartStrategy::FailureRate { max_failures: 3, within, delay };
        assert_eq!(strategy("failure-rate:3,5min,10s"), rate);
        for wrong in ["never", "fixed-delay", "fixed-delay:x,1s", "failure-rate:3,1s", "none:1"] {
            assert!(restart(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn barriers_may_wait_for_ever_or_not_at_all() {
        assert_eq!(patience("never"), Ok(Patience(None)));
        assert_eq!(patience("0"), Ok(Patience(Some(Duration::ZERO))));
        assert!(patience("soon").unwrap_err().contains("`never`"));
    }
}
