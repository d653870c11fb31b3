//! How the rows of a keyed operator are written, for snapshots and for stores alike.

use std::sync::Arc;

use super::{ExpiryFilters, StateError, StateRow, StateSpec, decode, decode_row, encode, encode_row, expiry_filters};
use crate::data::Data;
use crate::time::{Clock, Timestamp};

/// Writes and reads rows of one type.
pub(crate) trait RowCodec: Clone + Send + Sync + 'static {
    type Row: Clone + Send + Sync + 'static;

    /// The row of a key of which nothing is known.
    fn blank(&self) -> Self::Row;

    /// Whether anything of the row is written at processing time `now`.
    fn is_written(&self, row: &Self::Row, now: Timestamp) -> bool;

    /// Appends what is written of a row at processing time `now`, as one MessagePack value.
    fn encode(&self, row: &Self::Row, now: Timestamp, to: &mut Vec<u8>) -> Result<(), StateError>;

    /// Reads a row into a blank one, at processing time `now`.
    fn decode(&self, row: &mut Self::Row, now: Timestamp, from: &mut &[u8]) -> Result<(), StateError>;

    /// What tells rows that have expired; `None` if none ever does.
    fn expiry_filters(&self, clock: Arc<dyn Clock>) -> Option<ExpiryFilters>;
}

/// Rows of declared states.
#[derive(Clone)]
pub(crate) struct StatesCodec<R> {
    specs: Arc<[StateSpec]>,
    /// What every new row is cloned from.
    blank: R,
}

impl<R: StateRow> StatesCodec<R> {
    /// For rows like `blank`, whose states are given the lifetimes declared.
    pub(crate) fn new(mut blank: R, specs: Vec<StateSpec>) -> Self {
        for (state, spec) in blank.states_mut().into_iter().zip(&specs) {
            state.set_ttl(spec.ttl);
        }
        Self { specs: specs.into(), blank }
    }
}

impl<R: StateRow> RowCodec for StatesCodec<R> {
    type Row = R;

    fn blank(&self) -> R {
        self.blank.clone()
    }

    fn is_written(&self, row: &R, now: Timestamp) -> bool {
        row.is_written(now)
    }

    fn encode(&self, row: &R, now: Timestamp, to: &mut Vec<u8>) -> Result<(), StateError> {
        encode_row(row, &self.specs, now, to)
    }

    fn decode(&self, row: &mut R, now: Timestamp, from: &mut &[u8]) -> Result<(), StateError> {
        row.states_mut().into_iter().for_each(|state| state.set_now(now));
        decode_row(row, &self.specs, from)
    }

    fn expiry_filters(&self, clock: Arc<dyn Clock>) -> Option<ExpiryFilters> {
        expiry_filters(self.blank.clone(), Arc::clone(&self.specs), clock)
    }
}

/// Rows that are one value or none.
pub(crate) struct ValueCodec<T>(std::marker::PhantomData<fn() -> T>);

impl<T> Default for ValueCodec<T> {
    fn default() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<T> Clone for ValueCodec<T> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<T: Data> RowCodec for ValueCodec<T> {
    type Row = Option<T>;

    fn blank(&self) -> Option<T> {
        None
    }

    fn is_written(&self, row: &Option<T>, _now: Timestamp) -> bool {
        row.is_some()
    }

    fn encode(&self, row: &Option<T>, _now: Timestamp, to: &mut Vec<u8>) -> Result<(), StateError> {
        row.iter().try_for_each(|value| encode(value, to))
    }

    fn decode(&self, row: &mut Option<T>, _now: Timestamp, from: &mut &[u8]) -> Result<(), StateError> {
        *row = Some(decode(from, "an accumulator")?);
        Ok(())
    }

    fn expiry_filters(&self, _clock: Arc<dyn Clock>) -> Option<ExpiryFilters> {
        None
    }
}
