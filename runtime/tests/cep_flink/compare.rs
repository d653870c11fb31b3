//! Whether two answers are the same, as far as they can be compared.

use crate::case::{Answer, Case, Input, Link, Modifier, Step};

/// What differs between Flink's answer to a case and one without a job, if anything does. Times are left out, since without
/// a job there are no watermarks that one would notice them by.
pub(crate) fn difference(case: &Case, ours: &Answer) -> Option<String> {
    if case.processing_time || (ends_with_not(case) && case.skip.is_some()) {
        // A match by a time-out skips what has not timed out by the same watermark.
        return None;
    }
    let without_times = |texts: &[String]| texts.iter().map(|text| at_time(text).0.to_owned()).collect();
    let mut flink = flink(case).clone();
    flink.matches = without_times(&flink.matches);
    flink.timed_out = without_times(&flink.timed_out);
    differ(case, flink, ours)
}

/// What differs between Flink's answer to a case and that of a job, if anything does.
pub(crate) fn difference_of_job(case: &Case, ours: &Answer) -> Option<String> {
    let mut flink = flink(case).clone();
    // What a time-out makes a match has the time-out's time here, and there that of the watermark that has noticed it.
    flink.matches = with_times_of(&flink.matches, &ours.matches);
    differ(case, flink, ours)
}

/// Whether Flink notices all limits of time: it does so by the watermark where there is one to the whole match, but limits
/// between neighbours by the key's next event only.
fn notices_limits(case: &Case) -> bool {
    let between = |modifier: &Modifier| matches!(modifier, Modifier::WithinEach(_) | Modifier::RepeatsWithin(_));
    let whole = |modifier: &Modifier| matches!(modifier, Modifier::Within(_));
    !has(&case.pattern, between) || has(&case.pattern, whole)
}

fn ends_with_not(case: &Case) -> bool {
    case.pattern.last().is_some_and(|last| last.link == Link::NotFollowedBy)
}

fn has(steps: &[Step], which: fn(&Modifier) -> bool) -> bool {
    steps.iter().any(|step| step.with.iter().any(which) || has(step.group.as_deref().unwrap_or_default(), which))
}

fn flink(case: &Case) -> &Answer {
    case.flink.as_ref().expect("an answered case")
}

/// Whether Flink has given an answer: it gives none where it breaks down by itself, or there are too many matches.
pub(crate) fn is_answer(flink: &Answer) -> bool {
    let refused = flink.refused.as_ref().is_none_or(|refused| !refused.contains("NullPointer"));
    refused && flink.failed.as_ref().is_none_or(|failed| failed.contains("Could not skip"))
}

fn differ(case: &Case, mut flink: Answer, ours: &Answer) -> Option<String> {
    if !is_answer(&flink) {
        return None;
    }
    if !notices_limits(case) {
        let long_after = |input: &Input| matches!(input, Input::Event(kind, ..) if kind == "z");
        if (ends_with_not(case) || case.skip.is_some()) && !case.input.iter().any(long_after) {
            // What is found depends on it, too.
            return None;
        }
        flink.timed_out.clone_from(&ours.timed_out);
    }
    if flink.refused.is_some() != ours.refused.is_some() {
        return Some(format!("refused: flink {:?}, ours {:?}", flink.refused, ours.refused));
    }
    if flink.failed.is_some() != ours.failed.is_some() {
        return Some(format!("failed: flink {:?}, ours {:?}", flink.failed, ours.failed));
    }
    if flink.failed.is_some() {
        return None;
    }
    let parts = [("matches", &flink.matches, &ours.matches), ("timed out", &flink.timed_out, &ours.timed_out)];
    for (what, flink, ours) in parts {
        let (lost, found) = (without(flink, ours), without(ours, flink));
        if !lost.is_empty() || !found.is_empty() {
            return Some(format!("{what}: flink alone {lost:?}, ours alone {found:?}"));
        }
    }
    let (mut flink, mut ours) = (flink.late.clone(), ours.late.clone());
    flink.sort_unstable();
    ours.sort_unstable();
    (flink != ours).then(|| format!("late: flink {flink:?}, ours {ours:?}"))
}

/// The one less the other, as multisets.
fn without(one: &[String], other: &[String]) -> Vec<String> {
    let mut rest = one.to_vec();
    for text in other {
        if let Some(at) = rest.iter().position(|of_rest| of_rest == text) {
            rest.swap_remove(at);
        }
    }
    rest.sort();
    rest
}

/// The matches with the times of those others that have the same events and are earlier.
fn with_times_of(matches: &[String], others: &[String]) -> Vec<String> {
    let mut others: Vec<_> = others.iter().map(|other| at_time(other)).collect();
    let earlier = |text: &String| {
        let (events, time) = at_time(text);
        let found = others.iter().position(|(of_other, other)| *of_other == events && *other <= time);
        let (events, time) = found.map_or((events, time), |at| others.swap_remove(at));
        time.map_or(events.to_owned(), |time| format!("{events}@{time}"))
    };
    matches.iter().map(earlier).collect()
}

/// A match's events and its time.
fn at_time(text: &str) -> (&str, Option<i64>) {
    text.split_once('@').map_or((text, None), |(events, time)| (events, time.parse().ok()))
}
