//! Windows: finite pieces of an endless stream, per key.
//!
//! A window is `[start, end)` in milliseconds; its results have the event time `end - 1`. Terms and behaviour are
//! Flink's: a window fires when the watermark reaches `end - 1`, is kept for the allowed lateness after that, and fires
//! again for each record that comes in that time. A record that comes later still is late: it goes to the late output
//! if somebody reads that, and is counted otherwise.
//!
//! Two operators run all kinds of windows:
//!
//! * `aligned` runs tumbling and sliding windows that fire at their end. Windows share *panes*, kept pane by pane over
//!   row numbers, so that a record costs one array access whatever the number of windows it is in.
//! * `cells` runs all others (sessions, global, count and custom windows, any window with a trigger or an evictor of its
//!   own, or whose function has states), kept key by key.

mod aligned;
mod aligned_state;
mod assigner;
mod cell;
mod cells;
mod cells_assign;
mod cells_state;
mod context;
mod custom;
#[cfg(test)]
pub(crate) mod driver;
mod due;
pub(crate) mod evictor;
pub(crate) mod fold;
pub(crate) mod function;
mod grid;
pub(crate) mod horizon;
#[cfg(test)]
mod kinds_tests;
mod last_n;
pub(crate) mod late;
#[cfg(test)]
pub(crate) mod oracle;
mod pane;
mod panes;
mod process;
mod refold;
pub(crate) mod runner;
mod sparse;
pub(crate) mod stateful;
#[cfg(test)]
mod tests;
mod time_window;
pub(crate) mod trigger;
pub(crate) mod unused;
mod window_rows;

pub(crate) use assigner::OnGrid;
pub(crate) use grid::Grid;
pub(crate) use horizon::Horizon;
pub(crate) use late::{Late, no_event_time};

pub use assigner::{CountWindow, Global, Session, Sliding, Tumbling, WindowAssigner, WindowError, Windows};
pub use context::{IntoResult, WindowContext};
pub use custom::{AssignWindows, AssignerContext, CustomWindows};
pub use evictor::{CountEvictor, DeltaEvictor, Evictor, EvictorContext, TimeEvictor, TimestampedValue};
pub use process::{ProcessWindow, WindowStates};
pub use time_window::TimeWindow;
pub use trigger::{
    ContinuousEventTimeTrigger, ContinuousProcessingTimeTrigger, CountTrigger, DeltaTrigger, EventTimeTrigger,
    ProcessingTimeTrigger, ProcessingTimeoutTrigger, PurgingTrigger, Trigger, TriggerContext, TriggerResult,
};
