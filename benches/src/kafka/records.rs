//! Records of 100 bytes, and how many were written.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use millstream::Result;
use serde::{Deserialize, Serialize};

use crate::Fingerprint;
use crate::input::{below, scatter};

const KEYS: u64 = 100_000;
/// The length of a record's value.
const BYTES: usize = 100;

/// An amount of a key, or the sum of some.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Reading {
    pub(super) key: u64,
    pub(super) amount: u64,
}

impl Reading {
    /// The record of an index.
    pub(super) fn of(index: u64) -> Self {
        Self { key: below(KEYS, index), amount: scatter(index) % 1000 }
    }

    pub(super) fn add(self, other: &Self) -> Self {
        Self { key: self.key, amount: self.amount + other.amount }
    }

    /// The number of key and amount; the rest is filling.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key.to_le_bytes());
        out.extend_from_slice(&self.amount.to_le_bytes());
        out.resize(BYTES, b'.');
    }

    pub(super) fn decode(value: &[u8]) -> Result<Self> {
        let (key, rest) = value.split_first_chunk().context("a record without key")?;
        let (amount, _) = rest.split_first_chunk().context("a record without amount")?;
        Ok(Self { key: u64::from_le_bytes(*key), amount: u64::from_le_bytes(*amount) })
    }

    pub(super) fn code(&self) -> u64 {
        scatter(self.key ^ self.amount.rotate_left(32))
    }
}

/// What the writers of a job have written, once they have ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Total(Arc<Mutex<Fingerprint>>);

impl Total {
    pub(super) fn take(&self) -> Fingerprint {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Counts what one writer writes. A clone counts by itself.
pub(super) struct Counted {
    written: Fingerprint,
    total: Total,
}

impl Counted {
    pub(super) fn new() -> (Self, Total) {
        let total = Total::default();
        (Self { written: Fingerprint::default(), total: total.clone() }, total)
    }

    /// The sink's serializer.
    pub(super) fn encode(mut self) -> impl FnMut(&Reading, &mut Vec<u8>) -> Result<()> + Clone + Send + Sync + 'static {
        move |sum, out| {
            self.count(sum);
            sum.encode(out);
            Ok(())
        }
    }

    fn count(&mut self, sum: &Reading) {
        self.written.add(sum.code());
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self { written: Fingerprint::default(), total: self.total.clone() }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.total.0.lock().unwrap_or_else(PoisonError::into_inner).merge(self.written);
    }
}
