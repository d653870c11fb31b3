//! A writer's transactions: one for each checkpoint, each with a client of its own.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use millstream::connector::{SinkContext, SinkError};

use super::Settings;
use super::producer::Producer;
use crate::kafka::transaction::{Coordinator, Names, Pool, REUSE_STRIDE, Scope, State, Transaction};
use crate::kafka::wire::Cluster;

/// How long a writer that is dropped tries to take its open transaction back.
const FAREWELL: Duration = Duration::from_secs(2);

/// A client under a transactional id of its own.
struct Client {
    id: String,
    producer: Producer,
}

/// Begins transactions, and leaves them open for the committer.
pub(super) struct Transactions<T> {
    settings: Arc<Settings<T>>,
    cluster: Cluster,
    names: Names,
    pool: Pool,
    /// How often it was asked to prepare.
    calls: u64,
    /// How many of these calls no restart will ask for.
    released: u64,
    /// The transaction that is being written to.
    open: Option<Client>,
    /// The client of the next one: it takes time to be accepted by the cluster, so it begins early.
    next: Option<JoinHandle<Result<Client, SinkError>>>,
}

impl<T: 'static> Transactions<T> {
    pub(super) fn new(settings: Arc<Settings<T>>, ctx: &SinkContext) -> Self {
        let scope = Scope::new(settings.prefix.as_deref(), &ctx.run, &ctx.sink);
        let cluster = Cluster::new(&settings.client.brokers, settings.client.request_timeout);
        let names = Names::new(&scope, ctx.subtask);
        Self { settings, cluster, names, pool: Pool::default(), calls: 0, released: 0, open: None, next: None }
    }

    /// The client of the open transaction, which is begun if there is none.
    pub(super) fn producer(&mut self) -> Result<&Producer, SinkError> {
        if self.open.is_none() {
            let next = match self.next.take() {
                Some(next) => next,
                None => self.start(),
            };
            let client =
                next.join().unwrap_or_else(|_| Err(SinkError::Panicked("starting a Kafka client".to_owned())))?;
            client.producer.begin_transaction(&client.id)?;
            self.next = Some(self.start());
            self.open = Some(client);
        }
        Ok(&self.open.as_ref().expect("invariant: set above").producer)
    }

    /// Whether there is an open transaction, with what has become of its records.
    pub(super) fn current(&self) -> Option<&Producer> {
        self.open.as_ref().map(|client| &client.producer)
    }

    fn start(&mut self) -> JoinHandle<Result<Client, SinkError>> {
        let used = self.pool.take(self.released);
        let is_used = used.is_some();
        let id = used.unwrap_or_else(|| self.names.next());
        let settings = Arc::clone(&self.settings);
        thread::spawn(move || Client::start(&settings, id, is_used))
    }

    pub(super) fn released(&mut self, calls: u64) {
        self.released = calls;
    }

    /// Has everything written, and describes the transaction, which stays open.
    pub(super) fn prepare(&mut self) -> Result<Option<Transaction>, SinkError> {
        let call = self.calls;
        self.calls += 1;
        let Some(client) = &self.open else { return Ok(None) };
        client.producer.flush()?;
        let id = client.id.clone();
        // The cluster knows for sure who has begun it; the client would tell only by its statistics.
        let described = self.cluster.describe(&id).map_err(|error| SinkError::Io {
            what: format!("cannot prepare the transaction of {id}"),
            error: error.into_io(),
        })?;
        let Some(found) = described.filter(|found| found.state == State::Ongoing) else {
            let timeout = self.settings.transaction_timeout;
            return Err(SinkError::Lost {
                what: format!("the open transaction of {id}"),
                reason: format!(
                    "the cluster has aborted it, if it was open for longer than {timeout:?}; it is {described:?}"
                ),
            });
        };
        // Its records are all there, so it has nothing left to do; to be gone takes it a while.
        let client = self.open.take();
        thread::spawn(move || drop(client));
        self.pool.prepared(call, id.clone());
        Ok(Some(Transaction::new(id, found.producer)))
    }
}

impl Client {
    /// Takes an id for the next transaction.
    fn start<T>(settings: &Settings<T>, id: String, is_used: bool) -> Result<Self, SinkError> {
        let timeout = settings.client.request_timeout;
        if is_used {
            let mut cluster = Cluster::new(&settings.client.brokers, timeout);
            (1..REUSE_STRIDE).try_for_each(|_| cluster.advance(&id)).map_err(|error| SinkError::Io {
                what: format!("cannot take transactional id {id} again"),
                error: error.into_io(),
            })?;
        }
        let millis = settings.transaction_timeout.as_millis().to_string();
        let producer = Producer::new(settings, &[("transactional.id", &id), ("transaction.timeout.ms", &millis)])?;
        producer.init_transactions(&id, timeout)?;
        Ok(Self { id, producer })
    }
}

impl<T> Drop for Transactions<T> {
    fn drop(&mut self) {
        // Only tidiness: readers of committed records need not wait until it expires, or the next attempt takes it over.
        if let Some(Client { id, producer }) = self.open.take() {
            drop(producer);
            let fenced = Cluster::new(&self.settings.client.brokers, FAREWELL).fence(&id);
            if let Err(error) = fenced {
                tracing::debug!(%id, "an open transaction is left: {error}");
            }
        }
    }
}
