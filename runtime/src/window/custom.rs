//! Windows as the user assigns them.

use std::sync::Arc;

use super::TimeWindow;
use super::assigner::{Kind, WindowAssigner, WindowError, Windows, sealed};
use crate::time::Timestamp;

/// Says which windows a record is in, for kinds of windows that are not there ready-made. Used by way of
/// [`CustomWindows`].
///
/// ```
/// # use millstream::prelude::*;
/// use millstream::window::{AssignWindows, AssignerContext, CustomWindows, TimeWindow};
///
/// /// A window of its own for each reading, as long as the reading says.
/// struct Spans;
///
/// impl AssignWindows<i64> for Spans {
///     fn assign(&self, millis: &i64, ctx: &AssignerContext) -> impl IntoIterator<Item = TimeWindow> {
///         let end = ctx.timestamp().saturating_add(Duration::from_millis(*millis as u64));
///         [TimeWindow::new(ctx.timestamp(), end)]
///     }
/// }
///
/// # let env = Environment::new("example");
/// let strategy = WatermarkStrategy::monotonous().timestamps(|millis: &i64| Timestamp::from_millis(*millis));
/// let readings = env.from_collection([5, 10]).watermarks(strategy).key_by_owned(|_| ());
/// let ends = readings.window(CustomWindows::of(Spans)).process(|_, window, _, out| out.emit(window.end())).collect();
/// # env.execute()?;
/// assert_eq!(ends.take(), [Timestamp::from_millis(10), Timestamp::from_millis(20)]);
/// # Ok::<(), millstream::JobError>(())
/// ```
pub trait AssignWindows<T>: Send + Sync + 'static {
    /// The windows that a record is in; none if it is to be left out. A window that does not end after it starts fails
    /// the job.
    fn assign(&self, value: &T, ctx: &AssignerContext) -> impl IntoIterator<Item = TimeWindow>;

    /// Whether windows of a key that overlap or touch become one, as sessions do. They do not by default.
    fn merges(&self) -> bool {
        false
    }

    /// Whether windows go by the clock instead of the records' event times, as they do by default.
    fn is_processing_time(&self) -> bool {
        false
    }
}

/// What an assigner can ask about the record at hand.
#[derive(Debug, Clone, Copy)]
pub struct AssignerContext {
    pub(crate) time: Timestamp,
    pub(crate) now: Timestamp,
}

impl AssignerContext {
    /// The record's event time; [`Timestamp::MIN`] if it has none, which it may only if windows go by the clock.
    pub fn timestamp(&self) -> Timestamp {
        self.time
    }

    /// Processing time when the batch of the record came.
    pub fn processing_time(&self) -> Timestamp {
        self.now
    }
}

/// Windows that an [`AssignWindows`] assigns.
#[derive(Debug, Clone, Copy)]
pub struct CustomWindows<A>(A);

impl<A> CustomWindows<A> {
    /// The windows that `assigner` assigns. They fire at their end, unless they are given a trigger.
    pub const fn of(assigner: A) -> Self {
        Self(assigner)
    }
}

impl<A> sealed::Sealed for CustomWindows<A> {}

impl<T, A: AssignWindows<T>> WindowAssigner<T> for CustomWindows<A> {
    fn windows(self) -> Result<Windows<T>, WindowError> {
        let Self(assigner) = self;
        let (merges, by_clock) = (assigner.merges(), assigner.is_processing_time());
        let assign = move |value: &T, ctx: &AssignerContext, windows: &mut Vec<TimeWindow>| {
            windows.extend(assigner.assign(value, ctx));
        };
        Ok(Windows::at_end(Kind::Custom(Custom { assign: Arc::new(assign), merges }), by_clock))
    }
}

/// Appends the windows that a record is in.
type Assign<T> = dyn Fn(&T, &AssignerContext, &mut Vec<TimeWindow>) + Send + Sync;

/// An assigner of the user's.
pub(crate) struct Custom<T> {
    assign: Arc<Assign<T>>,
    pub(crate) merges: bool,
}

impl<T> Clone for Custom<T> {
    fn clone(&self) -> Self {
        Self { assign: Arc::clone(&self.assign), merges: self.merges }
    }
}

/// A window that cannot be.
#[derive(Debug, thiserror::Error)]
#[error(
    "a record was assigned to a window from {} to {}: a window must end after it starts",
    .0.start(),
    .0.end()
)]
pub(crate) struct EmptyWindow(TimeWindow);

impl<T> Custom<T> {
    /// Puts the windows that a record is in into `windows`.
    pub(crate) fn assign(
        &self,
        value: &T,
        ctx: &AssignerContext,
        windows: &mut Vec<TimeWindow>,
    ) -> Result<(), EmptyWindow> {
        windows.clear();
        (self.assign)(value, ctx, windows);
        match windows.iter().find(|window| window.end() <= window.start()) {
            Some(empty) => Err(EmptyWindow(*empty)),
            None => Ok(()),
        }
    }
}
