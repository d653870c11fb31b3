//! Rows that have expired are left out when tables are merged.

use std::ffi::CStr;

use rocksdb::CompactionDecision;
use rocksdb::compaction_filter::CompactionFilter;
use rocksdb::compaction_filter_factory::{CompactionFilterContext, CompactionFilterFactory};

use crate::state::ExpiryFilters;
use crate::state::store::ExpiryFilter;

/// Makes the filters of a database. Several threads may ask it at once, so it holds nothing that changes.
pub(super) struct Factory(pub(super) ExpiryFilters);

impl CompactionFilterFactory for Factory {
    type Filter = Filter;

    fn create(&mut self, _context: CompactionFilterContext) -> Filter {
        Filter((self.0)())
    }

    fn name(&self) -> &CStr {
        c"millstream expiry"
    }
}

/// The filter of one compaction.
pub(super) struct Filter(ExpiryFilter);

impl CompactionFilter for Filter {
    fn filter(&mut self, _level: u32, _key: &[u8], row: &[u8]) -> CompactionDecision {
        if (self.0)(row) { CompactionDecision::Remove } else { CompactionDecision::Keep }
    }

    fn name(&self) -> &CStr {
        c"millstream expiry"
    }
}
