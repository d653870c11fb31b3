//! Event time, watermarks and clocks.
//!
//! Timestamps count milliseconds since the Unix epoch. A watermark `w` promises that no later record has an event
//! time at or before `w`. Processing time comes from a [`Clock`]; nothing outside `clock.rs` reads the system's.

mod alignment;
mod clock;
pub mod duration;
pub mod rfc3339;
mod timestamp;
pub mod watermark;

pub(crate) use alignment::{AlignmentGroups, Member};
pub use clock::{Clock, ManualClock, SystemClock};
pub use timestamp::Timestamp;
pub(crate) use timestamp::millis;
pub use watermark::{WatermarkGenerator, WatermarkStrategy};
