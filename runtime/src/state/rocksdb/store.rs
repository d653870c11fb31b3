//! Databases as stores of operators' rows.

use std::sync::Arc;

use super::database::Changes;
use super::restore::restore;
use super::{Database, RocksDb};
use crate::operator::TaskInfo;
use crate::state::store::{FoundRow, RewriteRow, RowChanges, RowStore};
use crate::state::{
    ExpiryFilters, KeyGroups, OperatorCapture, OperatorSnapshot, RowStores, StateError, one_of_each_shape,
};

/// Gives each keyed operator of each subtask a database.
pub(crate) struct Databases(pub(crate) Arc<RocksDb>);

impl RowStores for Databases {
    fn open(
        &self,
        section: &str,
        groups: KeyGroups,
        from: Option<&OperatorSnapshot>,
        expired: Option<ExpiryFilters>,
    ) -> Result<Arc<dyn RowStore>, StateError> {
        Ok(Arc::new(match from {
            None => Database::create(&self.0, expired)?,
            Some(from) => restore(&self.0, expired, from, section, groups)?,
        }))
    }

    fn cache_bytes(&self) -> usize {
        self.0.settings.cache
    }
}

impl RowStore for Database {
    fn get_many(&self, keys: &[&[u8]], found: &mut FoundRow<'_>) -> Result<(), StateError> {
        for (place, row) in Self::get_many(self, keys.iter().copied(), true).enumerate() {
            if let Some(row) = row? {
                found(place, &row)?;
            }
        }
        Ok(())
    }

    fn keys_after(&self, groups: KeyGroups, after: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, StateError> {
        self.rows(groups).keys_after(after, limit)
    }

    fn write(&self, changes: &RowChanges) -> Result<(), StateError> {
        let mut batch = Changes::default();
        for (key, row) in changes.iter() {
            match row {
                Some(row) => batch.put(key, row),
                None => batch.delete(key),
            }
        }
        Self::write(self, batch)
    }

    fn capture(
        &self,
        section: &str,
        info: &TaskInfo,
        rewrite: &RewriteRow<'_>,
        taken: &dyn Fn(),
        to: &mut OperatorCapture,
    ) -> Result<(), StateError> {
        if to.is_canonical() {
            let rows = self.rows(info.key_groups());
            taken();
            return rows.capture(section, rewrite, to);
        }
        let mut files = self.checkpoint(info)?;
        taken();
        files.sample = one_of_each_shape(section, self.sample(info.key_groups())?);
        to.add_files(section, files);
        Ok(())
    }
}
