//! Windows that keep only their last records.

use std::collections::VecDeque;

use super::refold::Buffer;
use crate::data::Data;
use crate::time::Timestamp;

/// Keeps the last `count` records.
#[derive(Clone)]
pub(crate) struct LastN {
    pub(crate) count: usize,
}

impl LastN {
    fn trim<T>(&self, records: &mut VecDeque<T>) {
        while records.len() > self.count {
            records.pop_front();
        }
    }
}

impl<T: Data> Buffer<T> for LastN {
    type Kept = VecDeque<T>;

    fn start(&self, value: T, _time: Timestamp) -> VecDeque<T> {
        VecDeque::from([value])
    }

    fn add(&self, kept: &mut VecDeque<T>, value: T, _time: Timestamp) {
        kept.push_back(value);
        self.trim(kept);
    }

    fn merge(&self, kept: &mut VecDeque<T>, other: VecDeque<T>) {
        kept.extend(other);
        self.trim(kept);
    }

    fn values(kept: VecDeque<T>) -> impl Iterator<Item = T> {
        kept.into_iter()
    }
}
