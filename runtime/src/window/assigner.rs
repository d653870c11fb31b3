//! Which windows a record is in.

use std::any::TypeId;
use std::sync::Arc;
use std::time::Duration;

use super::custom::Custom;
use super::grid::Grid;
use super::trigger::{
    AnyTrigger, CountTrigger, EventTimeTrigger, ProcessingTimeTrigger, PurgingTrigger, Trigger, erase,
};
use crate::time::Timestamp;

/// A kind of windows that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WindowError {
    /// A length of time below the resolution of timestamps.
    #[error("the window's {what} is {given:?}: it must be at least one millisecond")]
    TooShort {
        /// `size`, `slide` or `gap`.
        what: &'static str,
        /// What was asked for.
        given: Duration,
    },
    /// A number of records that must not be zero.
    #[error("the count window's {what} is 0: it must be at least 1")]
    ZeroCount {
        /// `size` or `slide`.
        what: &'static str,
    },
    /// A trigger that keeps windows apart, on windows that become one.
    #[error(
        "the trigger {trigger} cannot be merged, and these windows are when they touch: use a trigger whose `can_merge` is true, or \
         windows that do not merge"
    )]
    TriggerCannotMerge {
        /// The trigger's type.
        trigger: &'static str,
    },
}

/// Windows for records of type `T`, checked. Made by a [`WindowAssigner`].
pub struct Windows<T> {
    pub(crate) kind: Kind<T>,
    pub(crate) processing_time: bool,
    /// `None` for the default: at the window's end.
    pub(crate) trigger: Option<Arc<dyn AnyTrigger<T>>>,
    /// Only so many of the last records stay in a window.
    pub(crate) keep_last: Option<usize>,
}

/// How windows come about.
pub(crate) enum Kind<T> {
    Regular(Grid),
    Session(Gap<T>),
    Global,
    Custom(Custom<T>),
}

impl<T> Clone for Kind<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Regular(grid) => Self::Regular(*grid),
            Self::Session(gap) => Self::Session(gap.clone()),
            Self::Global => Self::Global,
            Self::Custom(custom) => Self::Custom(custom.clone()),
        }
    }
}

/// The time without a record that ends a session.
pub(crate) enum Gap<T> {
    /// In milliseconds.
    Fixed(i64),
    Dynamic(Arc<dyn Fn(&T) -> Duration + Send + Sync>),
}

impl<T> Clone for Gap<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Fixed(gap) => Self::Fixed(*gap),
            Self::Dynamic(gap) => Self::Dynamic(Arc::clone(gap)),
        }
    }
}

/// A kind of windows over records of type `T`: [`Tumbling`], [`Sliding`], [`Session`], [`Global`], [`CountWindow`], or
/// [`CustomWindows`](super::CustomWindows).
pub trait WindowAssigner<T>: sealed::Sealed {
    /// Checks the settings.
    fn windows(self) -> Result<Windows<T>, WindowError>;
}

pub(super) mod sealed {
    /// Implemented here only: the window operators know all kinds.
    pub trait Sealed {}
}

pub(crate) fn millis(duration: Duration) -> i64 {
    Timestamp::from_millis(0).saturating_add(duration).as_millis()
}

fn at_least_a_millisecond(what: &'static str, given: Duration) -> Result<i64, WindowError> {
    if given < Duration::from_millis(1) { Err(WindowError::TooShort { what, given }) } else { Ok(millis(given)) }
}

impl<T> Windows<T> {
    /// Windows that fire at their end.
    pub(super) fn at_end(kind: Kind<T>, processing_time: bool) -> Self {
        Self { kind, processing_time, trigger: None, keep_last: None }
    }

    /// One window that never fires.
    pub(crate) fn global() -> Self {
        Self::at_end(Kind::Global, false)
    }

    /// Where the windows lie, if they are at regular intervals in event time and fire at their end.
    pub(crate) fn grid(&self) -> Option<Grid> {
        match self.kind {
            Kind::Regular(grid) if !self.processing_time && self.trigger.is_none() => Some(grid),
            _ => None,
        }
    }

    /// Has a trigger of the user's decide when windows fire.
    pub(crate) fn triggered<R: Trigger<T>>(mut self, trigger: R) -> Result<Self, WindowError>
    where
        T: 'static,
    {
        if self.merge() && !trigger.can_merge() {
            return Err(WindowError::TriggerCannotMerge { trigger: std::any::type_name::<R>() });
        }
        let default =
            if self.processing_time { TypeId::of::<ProcessingTimeTrigger>() } else { TypeId::of::<EventTimeTrigger>() };
        // The default needs no calls.
        let has_end = !self.is_global();
        let is_default = has_end && TypeId::of::<R>() == default;
        self.trigger = if is_default { None } else { Some(erase(trigger)) };
        Ok(self)
    }

    /// Whether windows that touch become one.
    pub(crate) fn merge(&self) -> bool {
        match &self.kind {
            Kind::Session(_) => true,
            Kind::Custom(custom) => custom.merges,
            Kind::Regular(_) | Kind::Global => false,
        }
    }

    /// Whether the windows have no end.
    pub(crate) fn is_global(&self) -> bool {
        matches!(self.kind, Kind::Global)
    }
}

/// Windows of which it is known where they lie.
pub(crate) struct OnGrid(pub(crate) Grid);

impl sealed::Sealed for OnGrid {}

impl<T> WindowAssigner<T> for OnGrid {
    fn windows(self) -> Result<Windows<T>, WindowError> {
        Ok(Windows::at_end(Kind::Regular(self.0), false))
    }
}

/// Windows of one size, one after the other.
///
/// ```
/// # use std::time::Duration;
/// # use millstream::window::Tumbling;
/// // Days that begin at 22:00 UTC.
/// let days = Tumbling::of(Duration::from_secs(86_400)).offset(Duration::from_secs(22 * 3600));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Tumbling(Sliding);

impl Tumbling {
    /// Windows of this size, in event time.
    pub const fn of(size: Duration) -> Self {
        Self(Sliding::of(size, size))
    }

    /// Has windows start at `offset` after the Unix epoch, and at multiples of their size from there.
    #[must_use]
    pub const fn offset(self, offset: Duration) -> Self {
        Self(self.0.offset(offset))
    }

    /// Goes by the clock instead of the records' event times.
    #[must_use]
    pub const fn processing_time(self) -> Self {
        Self(self.0.processing_time())
    }
}

impl sealed::Sealed for Tumbling {}

impl<T> WindowAssigner<T> for Tumbling {
    fn windows(self) -> Result<Windows<T>, WindowError> {
        self.0.windows()
    }
}

/// Windows of one size that start at regular intervals. They overlap if the interval is shorter than the size; if it is
/// longer, there are gaps, and records in them are in no window.
#[derive(Debug, Clone, Copy)]
pub struct Sliding {
    size: Duration,
    slide: Duration,
    offset: Duration,
    processing_time: bool,
}

impl Sliding {
    /// Windows of this size, one every `slide`, in event time.
    pub const fn of(size: Duration, slide: Duration) -> Self {
        Self { size, slide, offset: Duration::ZERO, processing_time: false }
    }

    /// Has windows start at `offset` after the Unix epoch, and at multiples of the slide from there.
    #[must_use]
    pub const fn offset(mut self, offset: Duration) -> Self {
        self.offset = offset;
        self
    }

    /// Goes by the clock instead of the records' event times.
    #[must_use]
    pub const fn processing_time(mut self) -> Self {
        self.processing_time = true;
        self
    }
}

impl sealed::Sealed for Sliding {}

impl<T> WindowAssigner<T> for Sliding {
    fn windows(self) -> Result<Windows<T>, WindowError> {
        let size = at_least_a_millisecond("size", self.size)?;
        let slide = at_least_a_millisecond("slide", self.slide)?;
        let grid = Grid::new(size, slide, millis(self.offset));
        Ok(Windows::at_end(Kind::Regular(grid), self.processing_time))
    }
}

/// Windows of activity: a session ends once no record has come for the length of the gap.
///
/// ```
/// # use std::time::Duration;
/// # use millstream::window::Session;
/// let visits: Session<String> = Session::gap(Duration::from_secs(1800));
/// // The gap may depend on the record.
/// let runs = Session::dynamic_gap(|job: &(String, u64)| Duration::from_secs(job.1));
/// ```
pub struct Session<T> {
    gap: SessionGap<T>,
    processing_time: bool,
}

enum SessionGap<T> {
    Fixed(Duration),
    Dynamic(Arc<dyn Fn(&T) -> Duration + Send + Sync>),
}

impl<T> Session<T> {
    /// Sessions with this gap, in event time.
    pub const fn gap(gap: Duration) -> Self {
        Self { gap: SessionGap::Fixed(gap), processing_time: false }
    }

    /// Sessions with a gap that depends on the record, in event time. A gap below one millisecond fails the job.
    pub fn dynamic_gap(gap: impl Fn(&T) -> Duration + Send + Sync + 'static) -> Self {
        Self { gap: SessionGap::Dynamic(Arc::new(gap)), processing_time: false }
    }

    /// Goes by the clock instead of the records' event times.
    #[must_use]
    pub fn processing_time(mut self) -> Self {
        self.processing_time = true;
        self
    }
}

impl<T> sealed::Sealed for Session<T> {}

impl<T> WindowAssigner<T> for Session<T> {
    fn windows(self) -> Result<Windows<T>, WindowError> {
        let gap = match self.gap {
            SessionGap::Fixed(gap) => Gap::Fixed(at_least_a_millisecond("gap", gap)?),
            SessionGap::Dynamic(gap) => Gap::Dynamic(gap),
        };
        Ok(Windows::at_end(Kind::Session(gap), self.processing_time))
    }
}

/// One window for all records of a key. It has no end, so it needs a trigger to fire at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct Global;

impl sealed::Sealed for Global {}

impl<T> WindowAssigner<T> for Global {
    fn windows(self) -> Result<Windows<T>, WindowError> {
        Ok(Windows::global())
    }
}

/// Windows of so many records of a key. A window that is not full when the input ends does not fire.
#[derive(Debug, Clone, Copy)]
pub struct CountWindow {
    size: usize,
    /// `None` for windows one after the other.
    slide: Option<usize>,
}

impl CountWindow {
    /// Windows of `size` records, one after the other.
    pub const fn tumbling(size: usize) -> Self {
        Self { size, slide: None }
    }

    /// With every `slide`-th record, a window of the last `size` records, or of all if there are fewer.
    pub const fn sliding(size: usize, slide: usize) -> Self {
        Self { size, slide: Some(slide) }
    }
}

impl sealed::Sealed for CountWindow {}

impl<T: 'static> WindowAssigner<T> for CountWindow {
    fn windows(self) -> Result<Windows<T>, WindowError> {
        if self.size == 0 {
            return Err(WindowError::ZeroCount { what: "size" });
        }
        let trigger = match self.slide {
            Some(0) => return Err(WindowError::ZeroCount { what: "slide" }),
            Some(slide) => erase(CountTrigger::of(slide as u64)),
            None => erase(PurgingTrigger::of(CountTrigger::of(self.size as u64))),
        };
        let keep_last = self.slide.map(|_| self.size);
        Ok(Windows { kind: Kind::Global, processing_time: false, trigger: Some(trigger), keep_last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(assigner: impl WindowAssigner<u64>, message: &str) {
        let Err(error) = assigner.windows() else { panic!("no error") };
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn wrong_settings_are_named_with_their_value() {
        let second = Duration::from_secs(1);
        check(Tumbling::of(Duration::ZERO), "the window's size is 0ns: it must be at least one millisecond");
        check(
            Sliding::of(second, Duration::from_micros(10)),
            "the window's slide is 10µs: it must be at least one millisecond",
        );
        check(Session::gap(Duration::ZERO), "the window's gap is 0ns: it must be at least one millisecond");
        check(CountWindow::tumbling(0), "the count window's size is 0: it must be at least 1");
        check(CountWindow::sliding(2, 0), "the count window's slide is 0: it must be at least 1");
        assert!(WindowAssigner::<u64>::windows(Sliding::of(second, second * 2)).is_ok());
    }
}
