//! How records move: batches, partitioners, and bounded exchanges between subtasks.
//!
//! * Records travel in [`Batch`]es, one message each; signals travel between batches, in order with them.
//! * A sender may only send a full batch when the receiver has room for it (`credit`); an idle sender sends what it has.
//! * Nothing here knows how messages travel: that is behind `exchange::Transport`.

pub mod batch;
pub(crate) mod credit;
mod deal;
pub(crate) mod exchange;
pub mod hash;
pub(crate) mod in_flight;
pub(crate) mod input;
pub(crate) mod partitioner;
mod sift;
pub(crate) mod size;

pub use batch::{Batch, Origin};
