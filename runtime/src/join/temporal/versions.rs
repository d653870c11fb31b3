//! What is kept of one key: left records that wait for the watermark, and versions that may still be asked for.
//!
//! Pure. What always holds between calls that ended well: [`next_due`] of a key has an entry in the queue, or one that is
//! earlier. So a key is looked at when its first waiting record is due, and when the watermark has reached its last version,
//! which makes those before it superfluous.

use std::sync::Arc;

use super::super::buffer::TimeBuffer;
use super::super::codec::JoinRow;

/// Whether a record of the right side says that its key has no version from its time on.
pub(crate) type EndsValidity<R> = Option<Arc<dyn Fn(&R) -> bool + Send + Sync>>;

/// A version with the time from which on it is valid.
pub(super) type Version<'a, R> = (i64, &'a R);

/// Has a left record wait; answers when the key is to be looked at, if that is earlier than before.
#[inline]
pub(super) fn wait<L, R>((waiting, _): &mut JoinRow<L, R>, time: i64, left: L) -> Option<i64> {
    let is_first = waiting.first_time().is_none_or(|first| time < first);
    waiting.insert(time, left, i64::MIN);
    is_first.then_some(time)
}

/// Adds a version; answers when the key is to be looked at, if nothing else has seen to that yet.
#[inline]
pub(super) fn add<L, R>(
    (_, versions): &mut JoinRow<L, R>,
    time: i64,
    version: R,
    ends: &EndsValidity<R>,
) -> Option<i64> {
    let was_due = versions_due(versions, ends).is_some();
    versions.insert(time, version, i64::MIN);
    versions_due(versions, ends).filter(|_| !was_due)
}

/// Takes out the first record that `now` has reached, with the version that is valid at its time.
#[inline]
pub(super) fn next<'a, L, R>(
    (waiting, versions): &'a mut JoinRow<L, R>,
    now: i64,
    ends: &EndsValidity<R>,
) -> Option<(i64, L, Option<Version<'a, R>>)> {
    waiting.first_time().filter(|first| *first <= now)?;
    let (time, left) = waiting.pop_first()?;
    let version = versions.last_until(time).filter(|(_, version)| !is_end(ends, version));
    Some((time, left, version))
}

/// Whether there is a record that `now` has reached, or a version that no record after it can ask for.
#[inline]
pub(super) fn is_due<L, R>((waiting, versions): &JoinRow<L, R>, now: i64, ends: &EndsValidity<R>) -> bool {
    waiting.first_time().is_some_and(|first| first <= now) || superfluous(versions, now, ends) > 0
}

/// Removes the versions that no record after `now` can ask for.
#[inline]
pub(super) fn free<L, R>((_, versions): &mut JoinRow<L, R>, now: i64, ends: &EndsValidity<R>) {
    versions.drop_first(superfluous(versions, now, ends));
}

/// How many of the first versions no record after `now` can ask for.
fn superfluous<R>(versions: &TimeBuffer<R>, now: i64, ends: &EndsValidity<R>) -> usize {
    let passed = versions.rank(now.saturating_add(1));
    let Some((_, valid)) = versions.last_until(now) else { return 0 };
    // The last of them is valid, unless it says that there is none.
    passed - usize::from(!is_end(ends, valid))
}

/// When a key is to be looked at next.
pub(super) fn next_due<L, R>((waiting, versions): &JoinRow<L, R>, ends: &EndsValidity<R>) -> Option<i64> {
    let versions_due = versions_due(versions, ends);
    waiting.first_time().map_or(versions_due, |first| Some(versions_due.map_or(first, |due| due.min(first))))
}

/// When some of the versions become superfluous, at the latest: all but one at the time of the last, and that one, too, if it says
/// only that there is none.
#[inline]
fn versions_due<R>(versions: &TimeBuffer<R>, ends: &EndsValidity<R>) -> Option<i64> {
    let (time, last) = versions.last()?;
    (versions.len() > 1 || is_end(ends, last)).then_some(time)
}

#[inline]
fn is_end<R>(ends: &EndsValidity<R>, version: &R) -> bool {
    ends.as_ref().is_some_and(|ends| ends(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negative_ends() -> EndsValidity<i64> {
        Some(Arc::new(|version: &i64| *version < 0))
    }

    fn with_versions(versions: &[(i64, i64)]) -> JoinRow<&'static str, i64> {
        let mut row = JoinRow::default();
        for (time, version) in versions {
            add(&mut row, *time, *version, &negative_ends());
        }
        row
    }

    #[track_caller]
    fn check(versions: &[(i64, i64)], now: i64, kept: &[i64]) {
        let mut row = with_versions(versions);
        free(&mut row, now, &negative_ends());
        let found: Vec<i64> = row.1.skip(0).map(|(_, version)| *version).collect();
        assert_eq!(found, kept, "at {now} of {versions:?}");
    }

    #[test]
    fn a_record_meets_the_last_version_that_is_not_after_it() {
        let mut row = with_versions(&[(10, 1), (20, 2), (20, 3), (30, -1)]);
        for time in [35, 9, 10, 20, 29] {
            wait(&mut row, time, "record");
        }
        let mut met = Vec::new();
        while let Some((time, _, version)) = next(&mut row, 35, &negative_ends()) {
            met.push((time, version.map(|(_, version)| *version)));
        }
        assert_eq!(met, [(9, None), (10, Some(1)), (20, Some(3)), (29, Some(3)), (35, None)]);
        assert_eq!(next(&mut row, 35, &negative_ends()), None);
    }

    #[test]
    fn a_record_waits_until_it_is_due() {
        let mut row = with_versions(&[]);
        assert_eq!(wait(&mut row, 7, "later"), Some(7));
        assert_eq!(wait(&mut row, 8, "last"), None);
        assert_eq!(wait(&mut row, 5, "first"), Some(5));
        assert_eq!(next(&mut row, 4, &None), None);
        assert_eq!(next(&mut row, 5, &None), Some((5, "first", None)));
        assert_eq!(next(&mut row, 5, &None), None);
        assert_eq!(next_due(&row, &None), Some(7));
    }

    #[test]
    fn the_version_that_is_valid_now_stays_with_those_that_are_to_come() {
        let versions = [(10, 1), (20, 2), (20, 3), (30, 4)];
        check(&versions, 9, &[1, 2, 3, 4]);
        check(&versions, 10, &[1, 2, 3, 4]);
        check(&versions, 20, &[3, 4]);
        check(&versions, 100, &[4]);
    }

    #[test]
    fn what_says_that_there_is_no_version_goes_with_what_it_ends() {
        check(&[(10, 1), (20, -1)], 19, &[1, -1]);
        check(&[(10, 1), (20, -1)], 20, &[]);
        check(&[(10, 1), (20, -1), (20, 2)], 20, &[2]);
        check(&[(10, -1), (20, 2)], 15, &[2]);
    }

    #[test]
    fn a_key_is_looked_at_when_a_version_has_become_superfluous() {
        let mut row: JoinRow<&str, i64> = JoinRow::default();
        assert_eq!(add(&mut row, 10, 1, &negative_ends()), None, "one version may be asked for for ever");
        assert_eq!(add(&mut row, 30, 2, &negative_ends()), Some(30));
        assert_eq!(add(&mut row, 40, 3, &negative_ends()), None, "it is looked at by then");
        assert_eq!(next_due(&row, &negative_ends()), Some(40));
        free(&mut row, 40, &negative_ends());
        assert_eq!(next_due(&row, &negative_ends()), None);
        let mut row: JoinRow<&str, i64> = JoinRow::default();
        assert_eq!(add(&mut row, 10, -1, &negative_ends()), Some(10));
    }
}
