//! Records that come too late.

use crate::data::Data;
use crate::error::{Cause, Site, TaskError};
use crate::operator::{Output, OutputTag, Stop};
use crate::time::Timestamp;

/// Where late records go.
#[derive(Debug)]
pub(crate) struct Late<T> {
    /// The side output that was asked for.
    pub(crate) tag: Option<OutputTag<T>>,
}

impl<T> Clone for Late<T> {
    fn clone(&self) -> Self {
        Self { tag: self.tag }
    }
}

impl<T: Data> Late<T> {
    /// Puts a late record out, or counts it if nobody reads the output.
    #[cold]
    pub(crate) fn put<O>(&self, value: T, time: Timestamp, out: &mut Output<O>) {
        let read = self.tag.is_some_and(|tag| out.sides.is_read(tag));
        match self.tag {
            Some(tag) if read => {
                out.sides.emit(tag, value, time);
            }
            _ => out.metrics.late_dropped.add(1),
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
