//! What is asked of the coordinators of transactions.

use std::time::{Duration, Instant};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    DescribeTransactionsRequest, EndTxnRequest, FindCoordinatorRequest, InitProducerIdRequest, ListTransactionsRequest,
    ProducerId, TransactionalId,
};
use kafka_protocol::protocol::{Request, StrBytes};

use super::cluster::Cluster;
use super::error::{WireError, check};
use crate::kafka::transaction::{Coordinator, Described, Ended, Producer, State};

/// How long to wait until all partitions know that a transaction is aborted.
const SETTLE_ABORTED: Duration = Duration::from_secs(5);
/// In requests for coordinators: that of a transactional id.
const TRANSACTION: i8 = 1;

fn transactional(id: &str) -> TransactionalId {
    TransactionalId(StrBytes::from_string(id.to_owned()))
}

impl Cluster {
    /// Sends a request to the coordinator of a transactional id.
    fn coordinate<R: Request>(&mut self, id: &str, request: &R, version: i16) -> Result<R::Response, WireError> {
        let node = match self.coordinators.get(id) {
            Some(node) => *node,
            None => {
                let request = FindCoordinatorRequest::default()
                    .with_key(StrBytes::from_string(id.to_owned()))
                    .with_key_type(TRANSACTION);
                let found = self.ask_any(&request, 3)?;
                check(found.error_code, || format!("finding the coordinator of transactional id {id}"))?;
                self.coordinators.insert(id.to_owned(), found.node_id.0);
                found.node_id.0
            }
        };
        let answered = self.call(node, request, version);
        if answered.is_err() {
            self.coordinators.remove(id);
        }
        answered
    }

    /// Checks an answer of a coordinator; another one may have taken over.
    fn check_coordinated(&mut self, id: &str, code: i16, what: &str) -> Result<(), WireError> {
        let checked = check(code, || format!("{what} transactional id {id}"));
        if checked.is_err() {
            self.coordinators.remove(id);
        }
        checked
    }

    /// Asks to be a new producer under an id.
    fn take_over(&mut self, id: &str) -> Result<(), WireError> {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(transactional(id)))
            .with_transaction_timeout_ms(60_000)
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1);
        self.persist_unless(
            |error| matches!(error, WireError::Refused { error: ResponseError::ConcurrentTransactions, .. }),
            |cluster| {
                let code = cluster.coordinate(id, &request, 4)?.error_code;
                cluster.check_coordinated(id, code, "taking over")
            },
        )
    }

    /// Waits until all partitions know how a transaction has ended, so that what was committed can be read: but only for
    /// some time, since they will know in the end.
    pub(in crate::kafka) fn settle(&mut self, id: &str, at_most: Duration) -> Result<(), WireError> {
        let give_up = Instant::now() + at_most;
        let mut pause = Duration::from_micros(500);
        while self.is_settling(id)? && Instant::now() < give_up {
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
        Ok(())
    }

    fn is_settling(&mut self, id: &str) -> Result<bool, WireError> {
        let request = DescribeTransactionsRequest::default().with_transactional_ids(vec![transactional(id)]);
        self.persist(|cluster| {
            let response = cluster.coordinate(id, &request, 0)?;
            Ok(response.transaction_states.iter().any(|found| found.transaction_state.starts_with("Prepare")))
        })
    }
}

impl Coordinator for Cluster {
    type Error = WireError;

    fn commit(&mut self, id: &str, producer: Producer) -> Result<Ended, WireError> {
        let request = EndTxnRequest::default()
            .with_transactional_id(transactional(id))
            .with_producer_id(ProducerId(producer.id))
            .with_producer_epoch(producer.epoch)
            .with_committed(true);
        self.persist(|cluster| {
            let code = cluster.coordinate(id, &request, 3)?.error_code;
            match cluster.check_coordinated(id, code, "committing the transaction of") {
                Ok(()) => Ok(Ended::Committed),
                Err(WireError::Refused { error, .. }) if says_no(error) => Ok(Ended::Refused(format!("{error:?}"))),
                Err(error) => Err(error),
            }
        })
    }

    fn describe(&mut self, id: &str) -> Result<Option<Described>, WireError> {
        let request = DescribeTransactionsRequest::default().with_transactional_ids(vec![transactional(id)]);
        self.persist(|cluster| {
            let response = cluster.coordinate(id, &request, 0)?;
            let what = "describing the transaction of";
            let Some(found) = response.transaction_states.first() else {
                return Err(WireError::Unintelligible { what: format!("{what} {id}"), reason: "no answer".to_owned() });
            };
            match cluster.check_coordinated(id, found.error_code, what) {
                Ok(()) => {}
                Err(WireError::Refused { error: ResponseError::TransactionalIdNotFound, .. }) => return Ok(None),
                Err(error) => return Err(error),
            }
            let producer = Producer { id: found.producer_id.0, epoch: found.producer_epoch };
            Ok(Some(Described { state: state(&found.transaction_state), producer }))
        })
    }

    fn unfinished(&mut self, prefix: &str) -> Result<Vec<(String, State)>, WireError> {
        let states = ["Empty", "Ongoing"];
        let request =
            ListTransactionsRequest::default().with_state_filters(states.map(StrBytes::from_static_str).to_vec());
        self.persist(|cluster| {
            let mut found = Vec::new();
            for node in cluster.nodes()? {
                let response = cluster.call(node, &request, 0)?;
                check(response.error_code, || "listing transactions".to_owned())?;
                let ids = response.transaction_states.iter();
                let ids = ids.filter(|listed| listed.transactional_id.starts_with(prefix));
                found.extend(ids.map(|listed| (listed.transactional_id.to_string(), state(&listed.transaction_state))));
            }
            Ok(found)
        })
    }

    fn fence(&mut self, id: &str) -> Result<(), WireError> {
        match self.take_over(id) {
            // The coordinator has begun to abort, or somebody else has ended the transaction just now. Asking on would
            // take the id over once more, and leave it as if its transaction had never been.
            Err(WireError::Refused { error: ResponseError::ConcurrentTransactions, .. }) => {}
            taken => return taken,
        }
        self.settle(id, SETTLE_ABORTED)
    }

    fn advance(&mut self, id: &str) -> Result<(), WireError> {
        self.persist(|cluster| cluster.take_over(id))
    }
}

/// Whether an error says that this producer has no such transaction, rather than that it is not known now.
fn says_no(error: ResponseError) -> bool {
    use ResponseError as E;
    matches!(error, E::InvalidProducerEpoch | E::ProducerFenced | E::InvalidTxnState | E::InvalidProducerIdMapping)
}

fn state(name: &str) -> State {
    match name {
        "Empty" => State::Empty,
        "Ongoing" => State::Ongoing,
        "PrepareCommit" | "CompleteCommit" => State::Committed,
        // PrepareAbort, CompleteAbort, PrepareEpochFence and Dead.
        _ => State::Aborted,
    }
}
