//! What cuts the streams of a job into before and after a checkpoint.

use super::CheckpointId;
use crate::time::Timestamp;

/// What a barrier is sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A checkpoint: the next restart goes on from it.
    Checkpoint,
    /// A savepoint: kept until deleted, portable. With `stop`, sources read nothing after it.
    Savepoint { stop: bool },
    /// No state is written, only output prepared: the end of a job without checkpoints.
    CommitOnly,
}

/// Flows with the records, from the sources to the sinks. What has been processed before it is in the snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Barrier {
    pub(crate) id: CheckpointId,
    pub(crate) purpose: Purpose,
    /// From this instant on, in processing time, it overtakes records, which then are in the snapshot; `MAX` for never.
    pub(crate) overtake_at: Timestamp,
    /// Whether an input goes on beyond the barrier while others have not reached theirs: at least once.
    pub(crate) at_least_once: bool,
    /// Output that was prepared at barriers below this one is committed, and the latest complete snapshot does not describe it.
    pub(crate) released: CheckpointId,
}

impl Barrier {
    /// Whether sources read on after it.
    pub(crate) fn stops(&self) -> bool {
        self.purpose == Purpose::Savepoint { stop: true }
    }
}
