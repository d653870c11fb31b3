//! Encoded rows that have expired.
//!
//! What decides are the instants in the row itself, and the lifetimes that the operator declares now. In doubt a row is
//! kept: if one of its states has no time to live, has just been given one, or cannot be read.

use std::sync::Arc;

use serde::de::IgnoredAny;

use super::{ExpiryFilters, StateError, StateRow, StateSpec, decode};
use crate::time::{Clock, Timestamp};

/// For rows like `blank`; none if a row with these states can never expire as a whole.
pub(crate) fn expiry_filters<R: StateRow>(
    blank: R,
    specs: Arc<[StateSpec]>,
    clock: Arc<dyn Clock>,
) -> Option<ExpiryFilters> {
    let all_expire =
        !specs.is_empty() && specs.iter().all(|spec| spec.ttl.is_some_and(|ttl| ttl.is_cleaned_up_in_compaction()));
    all_expire.then(|| -> ExpiryFilters {
        Arc::new(move || {
            let (now, blank, specs) = (clock.now(), blank.clone(), Arc::clone(&specs));
            Box::new(move |row| is_expired(&blank, &specs, row, now).unwrap_or(false))
        })
    })
}

/// Whether every declared state in an encoded row has expired.
fn is_expired<R: StateRow>(blank: &R, specs: &[StateSpec], mut row: &[u8], now: Timestamp) -> Result<bool, StateError> {
    let row = &mut row;
    let count = rmp::decode::read_map_len(row).map_err(|error| StateError::decode("a row", &error))?;
    for _ in 0..count {
        let name: String = decode(row, "a state's name")?;
        let mut declared = blank.states().into_iter().zip(specs);
        let Some((state, spec)) = declared.find(|(_, spec)| spec.is_named(&name)) else {
            decode::<IgnoredAny>(row, "a state that is no longer declared")?;
            continue;
        };
        let expires = spec.ttl.zip(state.last_use(row)?).map(|(ttl, used)| used.saturating_add(ttl.lifetime));
        if expires.is_none_or(|expires| expires > now) {
            return Ok(false);
        }
    }
    Ok(true)
}
