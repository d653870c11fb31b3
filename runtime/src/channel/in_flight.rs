//! Records on their way between two subtasks, as a snapshot holds them.
//!
//! They belong to the exchange that has sent or would send them. Restored, they are sent again before any other record
//! of that exchange, each routed anew, by the subtask with the sender's number, so that the order between a sender and
//! a key stays.

use serde::{Deserialize, Serialize};

use super::Batch;
use crate::data::Data;
use crate::state::{StateError, TaskCapture, TaskSnapshot};
use crate::time::Timestamp;

const SECTION: &str = "in-flight";

/// Where a batch has waited; the order is that of age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Place {
    /// In the receiver's queue.
    Receiver,
    /// With the sender.
    Sender,
}

/// Writes a batch that `sender` has sent or is to send.
pub(crate) fn write<T: Data>(
    batch: &Batch<T>,
    exchange: &str,
    (sender, place): (usize, Place),
    to: &mut TaskCapture,
) -> Result<(), StateError> {
    to.operator(exchange).push(SECTION, &(sender, place, batch.values(), batch.times()))
}

/// The records that a sender is to send again.
pub(crate) fn read<T: Data>(
    from: &TaskSnapshot,
    exchange: &str,
    subtask: usize,
    parallelism: usize,
) -> Result<Batch<T>, StateError> {
    let mut restored = Batch::new();
    let Some(part) = from.get(exchange) else { return Ok(restored) };
    let mut batches = part.list::<(usize, Place, Vec<T>, Vec<Timestamp>)>(SECTION)?;
    batches.sort_by_key(|(sender, place, ..)| (*sender, *place));
    for (_, _, values, times) in batches.into_iter().filter(|(sender, ..)| sender % parallelism == subtask) {
        for (at, value) in values.into_iter().enumerate() {
            restored.push_at(value, times.get(at).copied().unwrap_or(Timestamp::MIN));
        }
    }
    Ok(restored)
}
