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
//! * `cells` runs all others (sessions, global and count windows, any window with a trigger of its own), kept key by key.

mod aligned;
mod aligned_state;
mod assigner;
mod cell;
mod cells;
mod cells_state;
#[cfg(test)]
mod driver;
mod due;
pub(crate) mod function;
mod grid;
pub(crate) mod horizon;
#[cfg(test)]
mod kinds_tests;
mod last_n;
pub(crate) mod late;
#[cfg(test)]
mod oracle;
mod pane;
mod panes;
pub(crate) mod runner;
mod sparse;
#[cfg(test)]
mod tests;
mod time_window;
pub(crate) mod trigger;
pub(crate) mod unused;

pub use assigner::{CountWindow, Global, Session, Sliding, Tumbling, WindowAssigner, WindowError, Windows};
pub use function::{IntoResult, WindowContext};
pub use time_window::TimeWindow;
pub use trigger::{
    CountTrigger, EventTimeTrigger, ProcessingTimeTrigger, PurgingTrigger, Trigger, TriggerContext, TriggerResult,
};
