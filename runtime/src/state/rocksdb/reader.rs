//! Reading rows out of file sets.

use rocksdb::{DB, Options};

use super::options::logger;
use super::rows::Rows;
use crate::state::{FileSet, KeyGroup, KeyGroups, StateError};

/// Hands the rows of some key groups to `read`: group, key (MessagePack) and row. The files are left as they are.
pub(crate) fn read_files(
    set: &FileSet,
    groups: KeyGroups,
    read: impl FnMut(KeyGroup, &[u8], &[u8]) -> Result<(), StateError>,
) -> Result<(), StateError> {
    let mut options = Options::default();
    options.set_info_logger(logger());
    let db = DB::open_for_read_only(&options, &set.local, false)
        .map_err(|error| StateError::store(&set.local, "cannot be opened", error))?;
    Rows::of(&db, groups).for_each(read)
}
