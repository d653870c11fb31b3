//! Records that come too late.

use std::sync::Arc;

use crate::data::Data;
use crate::error::{Cause, Site, TaskError};
use crate::operator::{Output, OutputTag, SideOutputs, Stop};
use crate::time::Timestamp;

/// Emits a record; answers whether somebody reads it.
type Emit<T> = dyn Fn(T, Timestamp, &mut SideOutputs) -> bool + Send + Sync;

/// Where late records go.
pub(crate) struct Late<T> {
    /// `None` if they are only counted.
    emit: Option<Arc<Emit<T>>>,
}

impl<T> Clone for Late<T> {
    fn clone(&self) -> Self {
        Self { emit: self.emit.clone() }
    }
}

impl<T: Data> Late<T> {
    /// To the side output that was asked for.
    pub(crate) fn to(tag: Option<OutputTag<T>>) -> Self {
        match tag {
            None => Self { emit: None },
            Some(tag) => Self::by(move |value, time, sides| sides.emit(tag, value, time)),
        }
    }

    /// By a function that answers whether somebody reads what it emits.
    pub(crate) fn by(emit: impl Fn(T, Timestamp, &mut SideOutputs) -> bool + Send + Sync + 'static) -> Self {
        Self { emit: Some(Arc::new(emit)) }
    }
}

impl<T: Data> Late<T> {
    /// Puts a late record out, or counts it if nobody reads the output.
    #[cold]
    pub(crate) fn put<O>(&self, value: T, time: Timestamp, out: &mut Output<O>) {
        let is_read = self.emit.as_ref().is_some_and(|emit| emit(value, time, &mut out.sides));
        if !is_read {
            out.metrics.late_dropped.add(1);
        }
    }
}

/// A record that windows in event time cannot place.
#[derive(Debug, thiserror::Error)]
#[error(
    "a record without an event time came to a window in event time: give the stream a watermark strategy with a timestamp \
     assigner, or use windows in processing time"
)]
struct NoEventTime;

#[cold]
pub(crate) fn no_event_time(site: Site) -> Stop {
    TaskError::at(site, Cause::User(anyhow::Error::new(NoEventTime))).into()
}
