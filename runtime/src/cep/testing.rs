//! Patterns without a job.

use super::found::Match;
use super::matching::Matching;
use super::nfa::{Nfa, Scratch};
use super::pattern::Pattern;
use crate::Result;
use crate::time::{SystemClock, Timestamp};

/// What a pattern finds in some events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<E> {
    /// The matches, in the order in which they are found.
    pub matches: Vec<Match<E>>,
    /// What partial matches hold whose time is over, and when that was.
    pub timed_out: Vec<(Match<E>, Timestamp)>,
}

/// What a pattern finds in the events of one key, which are taken in order of time, equal times in the order given; then
/// time goes to its end.
///
/// ```
/// use millstream::cep::{Pattern, testing::matches};
/// use millstream::time::Timestamp;
/// let pattern = Pattern::begin("a").where_(|c: &char| *c == 'a').followed_by("b").where_(|c| *c == 'b');
/// let found = matches(&pattern, [('a', 1), ('c', 2), ('b', 3)].map(|(c, at)| (c, Timestamp::from_millis(at))))?;
/// assert_eq!((found.matches[0].get("a"), found.matches[0].get("b")), (Some(&'a'), Some(&'b')));
/// # Ok::<(), anyhow::Error>(())
/// ```
pub fn matches<E: Clone + 'static>(
    pattern: &Pattern<E>,
    events: impl IntoIterator<Item = (E, Timestamp)>,
) -> Result<Found<E>> {
    let nfa = Nfa::new(pattern)?.keeping_timed_out(true);
    let mut events: Vec<(E, Timestamp)> = events.into_iter().collect();
    events.sort_by_key(|(_, time)| *time);
    let (mut key, mut scratch, clock) = (Matching::default(), Scratch::default(), SystemClock::default());
    for (event, time) in events {
        nfa.take(&mut key, (event, time.as_millis()), &clock, &mut scratch)?;
    }
    nfa.advance(&mut key, i64::MAX, &mut scratch)?;
    let mut found = Found { matches: Vec::new(), timed_out: Vec::new() };
    while let Some(ready) = key.ready.pop_front() {
        let events = nfa.found(&key, ready.node);
        key.buffer.release(ready.node);
        match ready.is_match {
            true => found.matches.push(events),
            false => found.timed_out.push((events, Timestamp::from_millis(ready.time))),
        }
    }
    Ok(found)
}
