//! Which directory below the sink's a record goes to.

use std::path::{Component, Path};
use std::sync::Arc;

use millstream::connector::SinkError;
use millstream::time::Timestamp;

use crate::file::hidden::is_hidden;

type ByRecord<T> = Arc<dyn Fn(&T, Option<Timestamp>) -> String + Send + Sync>;

/// How records are divided among directories.
pub(super) enum Bucketing<T> {
    /// All go to the sink's own.
    None,
    /// As a function says.
    ByRecord(ByRecord<T>),
    /// By their time, in UTC.
    ByTime(Arc<str>),
}

impl<T> Clone for Bucketing<T> {
    fn clone(&self) -> Self {
        match self {
            Self::None => Self::None,
            Self::ByRecord(function) => Self::ByRecord(Arc::clone(function)),
            Self::ByTime(pattern) => Self::ByTime(Arc::clone(pattern)),
        }
    }
}

/// Finds the buckets of the records of one writer.
pub(super) struct Buckets<T> {
    bucketing: Bucketing<T>,
    /// The bucket last found: a path relative to the sink's directory, empty for that itself.
    current: String,
    /// Which times have the bucket `current`.
    current_times: Option<i64>,
}

impl<T> Buckets<T> {
    /// Fails if a time pattern is none.
    pub(super) fn new(bucketing: Bucketing<T>) -> Result<Self, SinkError> {
        let mut buckets = Self { bucketing, current: String::new(), current_times: None };
        if let Bucketing::ByTime(pattern) = &buckets.bucketing {
            let bucket = format(pattern, Timestamp::from_millis(0))?;
            buckets.set(bucket).map_err(|error| SinkError::Invalid(error.to_string()))?;
        }
        Ok(buckets)
    }

    /// The bucket of a record; without an event time, processing time `now` counts.
    pub(super) fn of(&mut self, value: &T, event_time: Timestamp, now: Timestamp) -> Result<&str, SinkError> {
        match &self.bucketing {
            Bucketing::None => {}
            Bucketing::ByRecord(function) => {
                let bucket = function(value, event_time.is_set().then_some(event_time));
                self.set(bucket)?;
            }
            Bucketing::ByTime(pattern) => {
                let time = if event_time.is_set() { event_time } else { now };
                // Formatting takes longer than all else; most records share their second with the one before.
                let second = time.as_millis().div_euclid(1000);
                if self.current_times != Some(second) {
                    let bucket = format(pattern, Timestamp::from_millis(second.saturating_mul(1000)))?;
                    self.set(bucket)?;
                    self.current_times = Some(second);
                }
            }
        }
        Ok(&self.current)
    }

    fn set(&mut self, bucket: String) -> Result<(), SinkError> {
        if bucket == self.current {
            return Ok(());
        }
        let is_plain = |part: Component<'_>| matches!(part, Component::Normal(name) if !is_hidden(name));
        // Compared as text, too: components leave out `.` and doubled slashes, which would be two names of one bucket.
        if !Path::new(&bucket).components().all(is_plain) || bucket.split('/').any(str::is_empty) && !bucket.is_empty()
        {
            return Err(SinkError::Rejected {
                target: format!("bucket `{bucket}`"),
                reason: "a bucket is a relative path without `..`, of names that do not begin with `.` or `_` \
                         (which would hide the files)"
                    .to_owned(),
            });
        }
        self.current = bucket;
        Ok(())
    }
}

fn format(pattern: &str, time: Timestamp) -> Result<String, SinkError> {
    let invalid = |error: jiff::Error| SinkError::Invalid(format!("bucket pattern `{pattern}` at {time}: {error}"));
    let instant = jiff::Timestamp::from_millisecond(time.as_millis()).map_err(invalid)?;
    jiff::fmt::strtime::format(pattern, instant).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_record() -> Buckets<String> {
        Buckets::new(Bucketing::ByRecord(Arc::new(|value: &String, _| value.clone()))).unwrap()
    }

    #[test]
    fn time_buckets_are_in_utc_by_event_time_or_else_processing_time() {
        let mut buckets = Buckets::new(Bucketing::ByTime("%Y-%m-%d--%H".into())).unwrap();
        let seven: Timestamp = "2001-01-01T07:59:59.999Z".parse().unwrap();
        let eight: Timestamp = "2001-01-01T08:00:00Z".parse().unwrap();
        assert_eq!(buckets.of(&(), seven, eight).unwrap(), "2001-01-01--07");
        assert_eq!(buckets.of(&(), Timestamp::MIN, eight).unwrap(), "2001-01-01--08");
        assert_eq!(buckets.of(&(), Timestamp::from_millis(-1), eight).unwrap(), "1969-12-31--23");
    }

    #[test]
    fn a_wrong_pattern_is_found_before_the_first_record() {
        let error = Buckets::<()>::new(Bucketing::ByTime("%Y/%!".into())).map(drop).unwrap_err();
        assert!(error.to_string().contains("%Y/%!"), "{error}");
    }

    #[test]
    fn buckets_that_hide_files_or_leave_the_directory_are_refused() {
        for bucket in ["../up", "/root", "a/_b", ".a", "a//b", "a/", "./a"] {
            assert!(by_record().of(&bucket.to_owned(), Timestamp::MIN, Timestamp::MIN).is_err(), "{bucket}");
        }
        for bucket in ["", "a", "a/b.c/d_e"] {
            assert_eq!(by_record().of(&bucket.to_owned(), Timestamp::MIN, Timestamp::MIN).unwrap(), bucket);
        }
    }
}
