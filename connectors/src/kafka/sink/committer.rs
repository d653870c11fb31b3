//! Commits transactions that writers have prepared.

use std::sync::Arc;
use std::time::Duration;

use millstream::connector::{Committer, Guarantee, RecoverContext, SinkError};

use super::{LostTransactions, Settings};
use crate::kafka::transaction::{self, FinishError, Scope, Transaction, finish, recover};
use crate::kafka::wire::{Cluster, WireError};

/// How long a commit waits until its records can be read.
const VISIBLE: Duration = Duration::from_secs(1);

/// Ends transactions, whoever has begun them.
///
/// A transaction that the cluster has aborted before it was committed is lost, with all output between two checkpoints: that
/// is an error that names it, in every attempt, unless [`LostTransactions::Warn`] says otherwise.
pub struct KafkaCommitter<T> {
    settings: Arc<Settings<T>>,
    cluster: Cluster,
}

impl<T> KafkaCommitter<T> {
    pub(super) fn new(settings: Arc<Settings<T>>) -> Self {
        let cluster = Cluster::new(&settings.client.brokers, settings.client.request_timeout);
        Self { settings, cluster }
    }

    /// Finds what would have transactions fail later.
    fn check(&mut self, checkpoint_interval: Option<Duration>) -> Result<(), SinkError> {
        let Settings { transaction_timeout: timeout, allowed_downtime: downtime, .. } = &*self.settings;
        let (timeout, downtime) = (*timeout, *downtime);
        if let Some(interval) = checkpoint_interval
            && timeout < interval + downtime
        {
            return Err(SinkError::Invalid(format!(
                "the transaction timeout of {timeout:?} is too short: a transaction is open for the checkpoint interval of \
                 {interval:?}, and must outlive a downtime of {downtime:?}. Raise `transaction_timeout`, or lower \
                 `allowed_downtime` or the checkpoint interval"
            )));
        }
        let longest = self.cluster.max_transaction_timeout().map_err(|error| self.settings.unreachable(error))?;
        if let Some(longest) = longest.filter(|longest| *longest < timeout) {
            return Err(SinkError::Invalid(format!(
                "the transaction timeout of {timeout:?} is above the {longest:?} that the brokers allow: lower \
                 `transaction_timeout`, or raise their transaction.max.timeout.ms"
            )));
        }
        Ok(())
    }
}

impl<T> Settings<T> {
    fn unreachable(&self, error: WireError) -> SinkError {
        let what = format!("cannot reach the coordinators of Kafka transactions for topic {}", self.topic);
        SinkError::Io { what, error: error.into_io() }
    }

    /// What is to be done about a transaction that cannot be committed any more.
    fn lost(&self, transaction: &Transaction, reason: &str) -> Result<(), SinkError> {
        let what = format!("the output of {transaction} to topic {}", self.topic);
        if self.lost == LostTransactions::Warn {
            tracing::warn!("{what} is lost: {reason}");
            return Ok(());
        }
        let reason = format!(
            "{reason}. Restore an earlier snapshot, whose input is read again; or go on without that output, by \
             `lost_transactions(LostTransactions::Warn)`"
        );
        Err(SinkError::Lost { what, reason })
    }
}

/// Keeps errors of the cluster apart until they have a name.
enum Failure {
    Sink(SinkError),
    Wire(WireError),
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        Self::Wire(error)
    }
}

impl<T: 'static> Committer for KafkaCommitter<T> {
    type Committable = Transaction;

    fn commit(&mut self, transactions: Vec<Transaction>) -> Result<(), SinkError> {
        for transaction in &transactions {
            match finish(&mut self.cluster, transaction) {
                Ok(()) => {}
                Err(FinishError::Lost(reason)) => self.settings.lost(transaction, reason)?,
                Err(FinishError::Coordinator(error)) => return Err(self.settings.unreachable(error)),
            }
        }
        for transaction in &transactions {
            let settled = self.cluster.settle(transaction.transactional_id(), VISIBLE);
            settled.map_err(|error| self.settings.unreachable(error))?;
        }
        Ok(())
    }

    fn recover(&mut self, ctx: RecoverContext, restored: Vec<Transaction>) -> Result<(), SinkError> {
        if self.settings.delivery != Guarantee::ExactlyOnce {
            // What was written exactly once before the job was changed.
            return if restored.is_empty() { Ok(()) } else { self.commit(restored) };
        }
        self.check(ctx.checkpoint_interval)?;
        self.settings.find_topic_by(&mut self.cluster)?;
        let scope = Scope::new(self.settings.prefix.as_deref(), &ctx.run, &ctx.sink);
        let Self { settings, cluster } = self;
        let recovered = recover(cluster, &scope, &restored, |transaction, reason| {
            settings.lost(transaction, reason).map_err(Failure::Sink)
        });
        recovered.map_err(|failure| match failure {
            Failure::Sink(error) => error,
            Failure::Wire(error) => settings.unreachable(error),
        })?;
        for transaction in &restored {
            let settled = self.cluster.settle(transaction.transactional_id(), VISIBLE);
            settled.map_err(|error| self.settings.unreachable(error))?;
        }
        Ok(())
    }

    fn abort(&mut self, transactions: Vec<Transaction>) -> Result<(), SinkError> {
        transaction::abort(&mut self.cluster, &transactions).map_err(|error| self.settings.unreachable(error))
    }
}
