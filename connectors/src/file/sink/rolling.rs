//! When a part file is finished and the next one begun.

use std::time::Duration;

use millstream::time::Timestamp;

/// Finishes a part file when it is large, old or no longer written to; and, whatever the policy, for each checkpoint.
///
/// ```
/// use std::time::Duration;
/// use millstream_connectors::file::RollingPolicy;
/// let hourly = RollingPolicy { max_age: Some(Duration::from_secs(3600)), ..RollingPolicy::default() };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollingPolicy {
    /// Finish a file that holds so many bytes, counted before compression.
    pub max_bytes: u64,
    /// Finish a file so long after it was begun.
    pub max_age: Option<Duration>,
    /// Finish a file so long after the last record was written to it.
    pub max_idle: Option<Duration>,
}

impl Default for RollingPolicy {
    /// 128 MiB, any age, a minute of inactivity.
    fn default() -> Self {
        Self { max_bytes: 128 << 20, max_age: None, max_idle: Some(Duration::from_secs(60)) }
    }
}

impl RollingPolicy {
    /// When a file is to be finished if no further record comes.
    pub(super) fn deadline(&self, begun: Timestamp, written: Timestamp) -> Option<Timestamp> {
        let by_age = self.max_age.map(|age| begun.saturating_add(age));
        let by_idle = self.max_idle.map(|idle| written.saturating_add(idle));
        [by_age, by_idle].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_of_age_and_inactivity_counts() {
        let at = Timestamp::from_millis;
        let policy = RollingPolicy {
            max_age: Some(Duration::from_millis(100)),
            max_idle: Some(Duration::from_millis(30)),
            ..RollingPolicy::default()
        };
        assert_eq!(policy.deadline(at(0), at(10)), Some(at(40)));
        assert_eq!(policy.deadline(at(0), at(90)), Some(at(100)));
        assert_eq!(RollingPolicy { max_idle: None, ..RollingPolicy::default() }.deadline(at(0), at(0)), None);
    }
}
