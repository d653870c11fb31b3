//! What the protocol needs of a cluster.

/// Who a transaction was begun by: a producer's id, and its epoch, which grows whenever the transactional id is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kafka) struct Producer {
    /// The number that the cluster has given to the transactional id.
    pub(in crate::kafka) id: i64,
    /// How often it has been taken over.
    pub(in crate::kafka) epoch: i16,
}

/// What is going on under a transactional id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kafka) enum State {
    /// A producer has taken it over and written nothing yet.
    Empty,
    /// A transaction is open.
    Ongoing,
    /// It is decided that the transaction is committed; perhaps not all partitions know.
    Committed,
    /// It is decided that the transaction is aborted; perhaps not all partitions know.
    Aborted,
}

/// What the cluster knows of a transactional id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kafka) struct Described {
    /// What its last transaction is up to.
    pub(in crate::kafka) state: State,
    /// Who has it now.
    pub(in crate::kafka) producer: Producer,
}

/// The answer to a request to commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::kafka) enum Ended {
    /// It is committed, now or before.
    Committed,
    /// The producer has no open transaction, or has the id no more; with the cluster's words.
    Refused(String),
}

/// What coordinates transactions: the cluster.
///
/// A request that fails may have had its effect. Each may be repeated.
pub(in crate::kafka) trait Coordinator {
    /// Why it does not answer.
    type Error: std::error::Error;

    /// Commits the transaction that a producer has begun, in whatever process.
    fn commit(&mut self, id: &str, producer: Producer) -> Result<Ended, Self::Error>;

    /// What is going on under an id; `None` if it is not known (any more).
    fn describe(&mut self, id: &str) -> Result<Option<Described>, Self::Error>;

    /// The ids that begin with `prefix`, as far as they are [`State::Empty`] or [`State::Ongoing`].
    fn unfinished(&mut self, prefix: &str) -> Result<Vec<(String, State)>, Self::Error>;

    /// Takes an id over: its producers can write no more, and an open transaction is aborted.
    fn fence(&mut self, id: &str) -> Result<(), Self::Error>;

    /// Moves on the epoch of an id whose transaction is committed.
    fn advance(&mut self, id: &str) -> Result<(), Self::Error>;
}
