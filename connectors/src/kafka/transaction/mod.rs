//! How output in Kafka's transactions survives a crash: the decisions, apart from any broker.
//!
//! A writer begins a transaction under a transactional id, writes to it, and at a barrier leaves it open: who has begun it
//! ([`Transaction`]) goes into the checkpoint. Once that is complete, the committer ends the transaction by this
//! description, in whatever process; so there is no moment from which a crash would lose or repeat output.
//!
//! * **An id is one writer's.** It holds the run and a number that no other writer draws ([`Names`]), so nobody who is
//!   superseded can take over what his successor has prepared.
//! * **Each transaction has an epoch of its own.** A producer serves for one transaction. An id is taken for another only
//!   once its transaction is committed and the latest complete snapshot does not name it ([`Pool`]), and its epoch is then
//!   moved on by [`REUSE_STRIDE`] at least, which is more than a timeout or another client's taking it over does.
//! * **So what became of a prepared transaction can be told** ([`fate`]), however often it is asked: open, committed, or lost.
//!   What is lost is an error that names it. Nothing of ours aborts a transaction but by taking its id over, which shows in
//!   its epoch; the plain way to abort would not.
//! * **A start finishes what its snapshot describes, then takes over what else is open** ([`recover`]): of the same run, and
//!   of all runs that share the sink's prefix, whatever their parallelism was.

mod coordinator;
mod fate;
mod names;
mod pool;
mod recovery;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod fake;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(super) use coordinator::{Coordinator, Described, Ended, Producer, State};
#[cfg(doc)]
use fate::fate;
pub(super) use fate::{FinishError, finish};
pub(super) use names::{Names, Scope};
pub(super) use pool::{Pool, REUSE_STRIDE};
pub(super) use recovery::{abort, recover};

/// A transaction that is complete and not committed yet: all that is needed to commit it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// The id under which it was begun.
    transactional_id: String,
    /// The number that the cluster has given to the id.
    producer_id: i64,
    /// How often the id had been taken over when it was begun.
    producer_epoch: i16,
}

impl Transaction {
    pub(super) fn new(transactional_id: String, producer: Producer) -> Self {
        Self { transactional_id, producer_id: producer.id, producer_epoch: producer.epoch }
    }

    pub(super) fn transactional_id(&self) -> &str {
        &self.transactional_id
    }

    pub(super) fn producer(&self) -> Producer {
        Producer { id: self.producer_id, epoch: self.producer_epoch }
    }
}

impl fmt::Display for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { transactional_id, producer_id, producer_epoch } = self;
        write!(f, "transaction {transactional_id} (producer {producer_id}, epoch {producer_epoch})")
    }
}
