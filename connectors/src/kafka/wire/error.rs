//! What may go wrong between this process and a broker.

use std::io;

use kafka_protocol::ResponseError;

/// A request that was not answered, or answered with an error.
#[derive(Debug, thiserror::Error)]
pub(in crate::kafka) enum WireError {
    /// The broker cannot be reached, or has hung up.
    #[error("{address}: {error}")]
    Io {
        /// The broker's.
        address: String,
        /// What the system says.
        error: io::Error,
    },
    /// The broker says no.
    #[error("{what}: the broker answers {error:?}")]
    Refused {
        /// What was asked for.
        what: String,
        /// The broker's answer.
        error: ResponseError,
    },
    /// The broker's answer makes no sense.
    #[error("{what}: {reason}")]
    Unintelligible {
        /// What was asked for.
        what: String,
        /// What is wrong with the answer.
        reason: String,
    },
}

impl WireError {
    /// Whether the same request may be answered otherwise later.
    pub(in crate::kafka) fn is_transient(&self) -> bool {
        use ResponseError as E;
        match self {
            Self::Io { .. } => true,
            Self::Refused { error, .. } => matches!(
                error,
                E::CoordinatorLoadInProgress
                    | E::CoordinatorNotAvailable
                    | E::NotCoordinator
                    | E::ConcurrentTransactions
                    | E::LeaderNotAvailable
                    | E::RequestTimedOut
                    | E::NetworkException
                    | E::NotEnoughReplicas
                    | E::BrokerNotAvailable
            ),
            Self::Unintelligible { .. } => false,
        }
    }

    /// The same as an I/O error, for the errors of the contracts.
    pub(in crate::kafka) fn into_io(self) -> io::Error {
        match self {
            Self::Io { address, error } => io::Error::new(error.kind(), format!("{address}: {error}")),
            other => io::Error::other(other.to_string()),
        }
    }
}

/// Nothing, if the code says that all went well.
pub(super) fn check(code: i16, what: impl FnOnce() -> String) -> Result<(), WireError> {
    match (code, ResponseError::try_from_code(code)) {
        (0, _) => Ok(()),
        (_, Some(error)) => Err(WireError::Refused { what: what(), error }),
        (_, None) => Err(WireError::Unintelligible { what: what(), reason: format!("unknown error {code}") }),
    }
}
