//! How what a function remembers of a key's windows is written: all windows of a key together, under the key.

use std::sync::Arc;

use smallvec::SmallVec;

use super::TimeWindow;
use crate::state::{ExpiryFilters, RowCodec, StateError, StateRow, StateSpec, decode, decode_row, encode, encode_row};
use crate::time::{Clock, Timestamp};

/// The states of a key's windows, in no order.
pub(crate) type WindowRows<W> = SmallVec<[(TimeWindow, W); 1]>;

/// Writes and reads them.
#[derive(Clone)]
pub(crate) struct WindowRowsCodec<W> {
    specs: Arc<[StateSpec]>,
    /// What the states of every window are cloned from.
    blank: W,
}

impl<W: StateRow> WindowRowsCodec<W> {
    /// For states like `blank`, which are given the lifetimes declared.
    pub(crate) fn new(mut blank: W, specs: Vec<StateSpec>) -> Self {
        for (state, spec) in blank.states_mut().into_iter().zip(&specs) {
            state.set_ttl(spec.ttl);
        }
        Self { specs: specs.into(), blank }
    }

    /// The states of one window among those of its key, made if they are not there.
    pub(crate) fn find_or_insert<'a>(&self, rows: &'a mut WindowRows<W>, window: TimeWindow) -> &'a mut W {
        let index = rows.iter().position(|(known, _)| *known == window).unwrap_or_else(|| {
            rows.push((window, self.blank.clone()));
            rows.len() - 1
        });
        &mut rows[index].1
    }
}

impl<W: StateRow> RowCodec for WindowRowsCodec<W> {
    type Row = WindowRows<W>;

    fn blank(&self) -> WindowRows<W> {
        SmallVec::new()
    }

    fn is_written(&self, rows: &WindowRows<W>, now: Timestamp) -> bool {
        rows.iter().any(|(_, row)| row.is_written(now))
    }

    fn encode(&self, rows: &WindowRows<W>, now: Timestamp, to: &mut Vec<u8>) -> Result<(), StateError> {
        let written = rows.iter().filter(|(_, row)| row.is_written(now));
        let count = u32::try_from(written.clone().count()).expect("invariant: a key has few windows at a time");
        rmp::encode::write_array_len(to, count).map_err(|error| StateError::encode(&error))?;
        for (window, row) in written {
            rmp::encode::write_array_len(to, 2).map_err(|error| StateError::encode(&error))?;
            encode(window, to)?;
            encode_row(row, &self.specs, now, to)?;
        }
        Ok(())
    }

    fn decode(&self, rows: &mut WindowRows<W>, now: Timestamp, from: &mut &[u8]) -> Result<(), StateError> {
        let wrong = |error: &dyn std::fmt::Display| StateError::decode("the states of a key's windows", error);
        let count = rmp::decode::read_array_len(from).map_err(|error| wrong(&error))?;
        for _ in 0..count {
            rmp::decode::read_array_len(from).map_err(|error| wrong(&error))?;
            let window = decode(from, "a window")?;
            let row = self.find_or_insert(rows, window);
            row.states_mut().into_iter().for_each(|state| state.set_now(now));
            decode_row(row, &self.specs, from)?;
        }
        Ok(())
    }

    /// What has expired goes with its window.
    fn expiry_filters(&self, _clock: Arc<dyn Clock>) -> Option<ExpiryFilters> {
        None
    }
}
