//! State: what an operator remembers of each key, and beside its keys.
//!
//! * A key belongs to a **key group**, a key group to a subtask ([`KeyGroups`]); a snapshot is cut by key groups, so
//!   that it can be restored at another parallelism.
//! * The states that an operator declares form one **row** per key ([`StateRow`]): [`Value`], [`List`], [`Map`],
//!   [`Reducing`], [`Aggregating`]. A record costs one lookup, whatever their number.
//! * `KeyIndex` numbers the keys of a subtask; rows, and whatever else is kept per key, are arrays over those numbers.
//! * What is no key's is operator state: [`ListState`], [`UnionList`], [`BroadcastState`].
//! * Everything is written as MessagePack with named fields; a key's hash is never written, but computed again.

mod aggregating;
mod backend;
mod cache;
mod codec;
mod due_keys;
mod error;
mod expired;
mod expiry;
mod file_set;
mod frozen_keys;
mod key_group;
mod key_index;
mod keyed_rows;
mod list;
mod map;
pub(crate) mod operator_state;
mod pages;
mod prefetch;
mod reducing;
#[cfg(feature = "rocksdb")]
mod rocksdb;
mod row;
mod sample;
mod snapshot;
mod store;
mod sweep;
pub(crate) mod timers;
mod value;

pub use aggregating::Aggregating;
pub use backend::{RocksDbProfile, RocksDbSettings, StateBackend};
pub(crate) use codec::{RowCodec, StatesCodec, ValueCodec};
pub(crate) use due_keys::{Due, DueKeys};
pub(crate) use error::ADVICE;
pub use error::{Misfit, StateError};
pub(crate) use expired::expiry_filters;
pub(crate) use expiry::{Expiry, LastUse};
pub use expiry::{Ttl, TtlCleanup, TtlUpdate, TtlVisibility};
pub use file_set::{FileSet, SharedFile};
pub(crate) use frozen_keys::FrozenKeys;
pub(crate) use key_group::{DEFAULT_KEY_GROUPS, MAX_KEY_GROUPS};
pub use key_group::{KeyGroup, KeyGroups};
pub(crate) use key_index::{KeyIndex, RowId};
pub(crate) use keyed_rows::{KeyedRows, Walk};
pub use list::List;
pub use map::Map;
pub use operator_state::{BroadcastState, ListState, OperatorState, OperatorStates, UnionList};
pub(crate) use pages::{Frozen, Pages};
pub(crate) use prefetch::prefetch;
pub use reducing::Reducing;
pub use row::{State, StateRow, StateSpec};
pub(crate) use row::{decode_row, encode_row};
#[cfg(feature = "rocksdb")]
pub(crate) use sample::one_of_each_shape;
pub(crate) use snapshot::{KeyedEntries, WATERMARK, decode, encode};
pub use snapshot::{OperatorCapture, OperatorSnapshot, TaskCapture, TaskSnapshot};
pub(crate) use store::{ExpiryFilters, RowStores};
pub(crate) use sweep::Sweep;
pub use value::Value;
