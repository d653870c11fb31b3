//! Logs on standard error.

use std::env::{self, VarError};
use std::io::{IsTerminal, stderr};

use tracing_subscriber::filter::{LevelFilter, ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use super::terminal::StandardError;

/// The environment variable that says what is logged.
const VARIABLE: &str = "MILLSTREAM_LOG";

/// A filter that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(
    "{VARIABLE}={text:?} is not a log filter ({reason}): write a level, or targets with levels, such as `info` or `warn,millstream=debug`"
)]
pub struct LogFilterError {
    text: String,
    reason: String,
}

/// Logs to standard error, in colour on a terminal, what the environment variable `MILLSTREAM_LOG` asks for: a level
/// (`off`, `error`, `warn`, `info`, `debug`, `trace`; `info` unless set), or levels by target
/// (`warn,millstream=debug`). Does nothing if the process has a `tracing` subscriber already.
pub fn init_logging() -> Result<(), LogFilterError> {
    let filter = match env::var(VARIABLE) {
        Ok(text) => parse(&text)?,
        Err(VarError::NotPresent) => default_filter(),
        Err(error @ VarError::NotUnicode(_)) => {
            return Err(LogFilterError { text: String::new(), reason: error.to_string() });
        }
    };
    let layer = fmt::layer().compact().with_ansi(stderr().is_terminal()).with_writer(|| StandardError);
    // The subscriber that is there already was chosen by the program around the job, which knows better.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
    Ok(())
}

fn default_filter() -> Targets {
    Targets::new().with_default(LevelFilter::INFO)
}

fn parse(text: &str) -> Result<Targets, LogFilterError> {
    if text.trim().is_empty() {
        return Ok(default_filter());
    }
    text.trim().parse().map_err(|error: ParseError| LogFilterError { text: text.to_owned(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn an_empty_filter_is_the_default() {
        assert_eq!(parse("  ").unwrap(), default_filter());
        assert!(default_filter().would_enable("millstream", &Level::INFO));
        assert!(!default_filter().would_enable("millstream", &Level::DEBUG));
    }

    #[test]
    fn targets_have_levels_of_their_own() {
        let filter = parse("warn,millstream=debug").unwrap();
        assert!(filter.would_enable("millstream::actor", &Level::DEBUG));
        assert!(!filter.would_enable("hyper", &Level::INFO));
    }

    #[test]
    fn a_wrong_filter_says_what_to_write() {
        let message = parse("millstream=loud").unwrap_err().to_string();
        assert!(message.contains("loud") && message.contains("such as `info`"), "{message}");
    }
}
