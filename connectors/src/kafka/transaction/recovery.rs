//! What a start does with the transactions that it finds.

use std::collections::HashSet;

use super::{Coordinator, Described, FinishError, Scope, State, Transaction, finish};

/// How many ids are taken over that have no open transaction. They can do no more harm than to hold readers up for as long as a
/// transaction may be open, should somebody who is superseded begin one and be killed; so a few of them will do.
const MAX_EMPTY: usize = 100;

/// Commits what the snapshot describes, then takes over all else that is open, so that nobody waits for it and nobody goes on
/// with it. `lost` decides about a transaction that cannot be committed any more.
pub(in crate::kafka) fn recover<C: Coordinator, E: From<C::Error>>(
    coordinator: &mut C,
    scope: &Scope,
    described: &[Transaction],
    lost: impl Fn(&Transaction, &'static str) -> Result<(), E>,
) -> Result<(), E> {
    for transaction in described {
        match finish(coordinator, transaction) {
            Ok(()) => {}
            Err(FinishError::Lost(reason)) => lost(transaction, reason)?,
            Err(FinishError::Coordinator(error)) => return Err(error.into()),
        }
    }
    let described: HashSet<&str> = described.iter().map(Transaction::transactional_id).collect();
    let mut empty = 0;
    for (id, state) in coordinator.unfinished(&scope.beginning())? {
        if !scope.contains(&id) || described.contains(id.as_str()) {
            continue;
        }
        if state == State::Empty {
            empty += 1;
            if empty > MAX_EMPTY {
                continue;
            }
        }
        tracing::debug!(%id, ?state, "taking over what another attempt has left");
        coordinator.fence(&id)?;
    }
    Ok(())
}

/// Aborts transactions that will never be committed, unless that has been done.
pub(in crate::kafka) fn abort<C: Coordinator>(coordinator: &mut C, prepared: &[Transaction]) -> Result<(), C::Error> {
    for transaction in prepared {
        let id = transaction.transactional_id();
        let open = Described { state: State::Ongoing, producer: transaction.producer() };
        if coordinator.describe(id)? == Some(open) {
            coordinator.fence(id)?;
        }
    }
    Ok(())
}
