//! What became of a prepared transaction, and how it is committed.

use super::{Coordinator, Described, Ended, REUSE_STRIDE, State, Transaction};

/// What became of a prepared transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It can be committed.
    Open,
    /// It was committed.
    Committed,
    /// It was not, and cannot be any more.
    Lost(&'static str),
}

/// Tells from what the cluster knows of the transaction's id.
pub(super) fn fate(transaction: &Transaction, found: Option<Described>) -> Fate {
    let Some(Described { state, producer }) = found else {
        return Fate::Lost("the cluster has forgotten its id, so nobody can tell whether it was committed");
    };
    let prepared = transaction.producer();
    if producer == prepared {
        return match state {
            State::Ongoing => Fate::Open,
            State::Committed => Fate::Committed,
            State::Empty => Fate::Lost("the cluster has no output of it"),
            State::Aborted => Fate::Lost("somebody has aborted it"),
        };
    }
    // Another number is given once the epochs are used up.
    if producer.id != prepared.id || i32::from(producer.epoch) - i32::from(prepared.epoch) >= REUSE_STRIDE {
        return Fate::Committed;
    }
    match state {
        State::Aborted => {
            Fate::Lost("it was aborted: it has been open for longer than its timeout, or its id was taken over")
        }
        _ => Fate::Lost("another producer has taken its id over, which has aborted it"),
    }
}

/// Why a transaction is not committed.
#[derive(Debug)]
pub(in crate::kafka) enum FinishError<E> {
    /// It cannot be any more, for this reason.
    Lost(&'static str),
    /// The cluster does not answer.
    Coordinator(E),
}

/// Commits a transaction, unless it has been committed before.
pub(in crate::kafka) fn finish<C: Coordinator>(
    coordinator: &mut C,
    transaction: &Transaction,
) -> Result<(), FinishError<C::Error>> {
    let id = transaction.transactional_id();
    let Ended::Refused(answer) = coordinator.commit(id, transaction.producer()).map_err(FinishError::Coordinator)?
    else {
        return Ok(());
    };
    tracing::debug!(%transaction, %answer, "not committed now");
    match fate(transaction, coordinator.describe(id).map_err(FinishError::Coordinator)?) {
        Fate::Committed => Ok(()),
        Fate::Lost(reason) => Err(FinishError::Lost(reason)),
        Fate::Open => Err(FinishError::Lost("the cluster says that it is open, and refuses to commit it")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Producer;
    use super::*;

    const PREPARED: Producer = Producer { id: 7, epoch: 4 };

    #[track_caller]
    fn check(state: State, producer: Producer, expected: &str) {
        let transaction = Transaction::new("id".to_owned(), PREPARED);
        let told = match fate(&transaction, Some(Described { state, producer })) {
            Fate::Open => "open",
            Fate::Committed => "committed",
            Fate::Lost(_) => "lost",
        };
        assert_eq!(told, expected, "{state:?} {producer:?}");
    }

    const STATES: [State; 4] = [State::Empty, State::Ongoing, State::Committed, State::Aborted];

    #[test]
    fn as_long_as_nobody_has_taken_the_id_its_state_tells() {
        for (state, told) in STATES.into_iter().zip(["lost", "open", "committed", "lost"]) {
            check(state, PREPARED, told);
        }
    }

    #[test]
    fn a_small_step_of_the_epoch_is_somebody_elses_and_a_large_one_ours() {
        for state in STATES {
            for step in 1..REUSE_STRIDE {
                check(state, Producer { epoch: 4 + step as i16, ..PREPARED }, "lost");
            }
            for step in [REUSE_STRIDE, REUSE_STRIDE + 1, 100] {
                check(state, Producer { epoch: 4 + step as i16, ..PREPARED }, "committed");
            }
            check(state, Producer { id: 8, epoch: 0 }, "committed");
            check(state, Producer { epoch: 3, ..PREPARED }, "lost");
        }
    }

    #[test]
    fn nobody_knows_what_became_of_a_forgotten_id() {
        let transaction = Transaction::new("id".to_owned(), PREPARED);
        assert!(matches!(fate(&transaction, None), Fate::Lost(_)));
    }
}
