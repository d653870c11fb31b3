//! Rows that have expired are left out when tables are merged.
//!
//! What decides are the instants in the row itself, and the lifetimes that the operator declares now. In doubt a row is
//! kept: if one of its states has no time to live, has just been given one, or cannot be read.

use std::ffi::CStr;
use std::sync::Arc;

use rocksdb::CompactionDecision;
use rocksdb::compaction_filter::CompactionFilter;
use rocksdb::compaction_filter_factory::{CompactionFilterContext, CompactionFilterFactory};
use serde::de::IgnoredAny;

use crate::state::{StateError, StateRow, StateSpec, decode};
use crate::time::{Clock, Timestamp};

/// Whether an encoded row has expired by then.
type IsExpired = dyn Fn(&[u8], Timestamp) -> bool + Send + Sync;

/// Tells which rows of an operator have expired.
#[derive(Clone)]
pub(crate) struct Expired {
    clock: Arc<dyn Clock>,
    is_expired: Arc<IsExpired>,
}

impl Expired {
    /// For rows like `blank`; none if a row with these states can never expire as a whole.
    pub(crate) fn of<R: StateRow>(blank: R, specs: Vec<StateSpec>, clock: Arc<dyn Clock>) -> Option<Self> {
        let all_expire =
            !specs.is_empty() && specs.iter().all(|spec| spec.ttl.is_some_and(|ttl| ttl.is_cleaned_up_in_compaction()));
        let is_expired = move |row: &[u8], now| is_expired(&blank, &specs, row, now).unwrap_or(false);
        all_expire.then(|| Self { clock, is_expired: Arc::new(is_expired) })
    }
}

/// Makes the filters of a database. Several threads may ask it at once, so it holds nothing that changes.
pub(super) struct Factory(pub(super) Expired);

impl CompactionFilterFactory for Factory {
    type Filter = Filter;

    fn create(&mut self, _context: CompactionFilterContext) -> Filter {
        Filter { now: self.0.clock.now(), expired: self.0.clone() }
    }

    fn name(&self) -> &CStr {
        c"millstream expiry"
    }
}

/// The filter of one compaction.
pub(super) struct Filter {
    /// When it began.
    now: Timestamp,
    expired: Expired,
}

impl CompactionFilter for Filter {
    fn filter(&mut self, _level: u32, _key: &[u8], row: &[u8]) -> CompactionDecision {
        if (self.expired.is_expired)(row, self.now) { CompactionDecision::Remove } else { CompactionDecision::Keep }
    }

    fn name(&self) -> &CStr {
        c"millstream expiry"
    }
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
