//! Keyed state in RocksDB.
//!
//! * A [`Database`] holds one keyed section of one operator of one subtask: a row for each key, which is the key's group
//!   (so that rows are ordered by key group) and the key, and the row as it stands in snapshots of the heap, too.
//! * All databases of a process share one [`RocksDb`]: settings, block cache and write buffers, under one budget.
//! * Nothing is logged ahead: what is written is safe with the next checkpoint, like all state.
//! * A checkpoint is a directory of hard links, described by a [`FileSet`](super::FileSet). Tables never change, so a
//!   checkpoint's tables are named by database and number, and stored once; a database that was restored goes on with
//!   their names.
//! * [`restore()`] opens a snapshot's files in place of copying rows if they are of just the key groups that are
//!   wanted. Rows can be read out of a file set without a database of one's own, too ([`read_files`]).

mod checkpoint;
mod database;
mod expiry;
mod key;
mod link;
mod loader;
mod memory;
mod options;
mod reader;
mod restore;
mod rows;
mod store;

#[cfg(test)]
mod tests;

pub(crate) use database::Database;
pub(crate) use memory::RocksDb;
pub(crate) use reader::read_files;
pub(crate) use store::Databases;
