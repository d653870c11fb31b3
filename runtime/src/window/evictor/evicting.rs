//! Windows with an evictor.

use std::sync::Arc;

use super::{Evictor, EvictorContext, TimestampedValue};
use crate::data::Data;
use crate::time::Timestamp;
use crate::window::refold::Buffer;

/// Keeps all records but those that an evictor takes out.
pub(crate) struct Evicting<T>(pub(crate) Arc<dyn Evictor<T>>);

impl<T: Data> Buffer<T> for Evicting<T> {
    type Kept = Vec<TimestampedValue<T>>;

    fn start(&self, value: T, time: Timestamp) -> Self::Kept {
        vec![TimestampedValue::new(value, time)]
    }

    fn add(&self, kept: &mut Self::Kept, value: T, time: Timestamp) {
        kept.push(TimestampedValue::new(value, time));
    }

    fn merge(&self, kept: &mut Self::Kept, mut other: Self::Kept) {
        kept.append(&mut other);
    }

    fn is_empty(kept: &Self::Kept) -> bool {
        kept.is_empty()
    }

    fn evict_before(&self, kept: &mut Self::Kept, ctx: &EvictorContext) {
        self.0.evict_before(kept, ctx);
    }

    fn evict_after(&self, kept: &mut Self::Kept, ctx: &EvictorContext) {
        self.0.evict_after(kept, ctx);
    }

    fn values(kept: Self::Kept) -> impl Iterator<Item = T> {
        kept.into_iter().map(|record| record.value)
    }
}
