//! How a record's key is found, a batch at a time.
//!
//! The key function's type is known only here, behind one virtual call per batch, so that a `KeyedStream<K, T>` need
//! not name it.

use std::borrow::Cow;
use std::marker::PhantomData;

use crate::channel::Batch;
use crate::channel::hash::stable_hash;
use crate::data::Key;
use crate::state::{KeyIndex, RowId};

/// Finds the keys of a batch's records.
pub(crate) trait KeySelector<T, K>: Send + Sync {
    /// Computes the hashes of the records' keys into the batch.
    fn hash(&self, batch: &mut Batch<T>);

    /// The number of each record's key, in order; keys not seen before get one. The batch must have its hashes.
    fn resolve(&self, batch: &Batch<T>, keys: &mut KeyIndex<K>, rows: &mut Vec<RowId>);

    /// The key of a single record.
    fn key<'a>(&self, value: &'a T) -> Cow<'a, K>
    where
        K: Clone;
}

/// A key that is a part of the record.
pub(crate) struct BorrowedKey<F, K>(pub(crate) F, pub(crate) PhantomData<fn() -> K>);

impl<T, K: Key, F> KeySelector<T, K> for BorrowedKey<F, K>
where
    F: for<'a> Fn(&'a T) -> &'a K + Send + Sync,
{
    fn hash(&self, batch: &mut Batch<T>) {
        batch.assign_hashes(|values, hashes| hash_all(values, hashes, |value| stable_hash((self.0)(value))));
    }

    fn resolve(&self, batch: &Batch<T>, keys: &mut KeyIndex<K>, rows: &mut Vec<RowId>) {
        keys.find_or_insert_all(batch.hashes(), batch.values(), &self.0, rows);
    }

    fn key<'a>(&self, value: &'a T) -> Cow<'a, K> {
        Cow::Borrowed((self.0)(value))
    }
}

/// A key that is computed from the record.
pub(crate) struct OwnedKey<F>(pub(crate) F);

impl<T, K: Key, F: Fn(&T) -> K + Send + Sync> KeySelector<T, K> for OwnedKey<F> {
    fn hash(&self, batch: &mut Batch<T>) {
        batch.assign_hashes(|values, hashes| hash_all(values, hashes, |value| stable_hash(&(self.0)(value))));
    }

    fn resolve(&self, batch: &Batch<T>, keys: &mut KeyIndex<K>, rows: &mut Vec<RowId>) {
        keys.find_or_insert_all(batch.hashes(), batch.values(), &self.0, rows);
    }

    fn key<'a>(&self, value: &'a T) -> Cow<'a, K> {
        Cow::Owned((self.0)(value))
    }
}

fn hash_all<T>(values: &[T], hashes: &mut Vec<u64>, hash: impl Fn(&T) -> u64) {
    hashes.clear();
    hashes.reserve(values.len());
    for value in values {
        // Pushed one by one, since compilers vectorise the hashing of an `extend`, which then is slower: processors
        // have no multiplication to 128 bits for vectors.
        hashes.push(hash(value));
    }
}
