//! What a check has found, as data and as text.

use std::fmt;

use crate::state::ADVICE;

/// Whether a job can go on from a snapshot, found out without running it.
///
/// The types of the job are tried against a sample: an entry of each shape that was found in the state of each operator.
///
/// Displayed as a line per operator, source and sink, and a last one that says whether the job can go on.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RestoreCheck {
    /// The snapshot's path.
    pub snapshot: String,
    /// The operators of the job in order, then what is in the snapshot alone.
    pub operators: Vec<OperatorCheck>,
    pub(super) positions: Vec<Positions>,
    pub(super) pending: Vec<Pending>,
}

/// What becomes of the state of one operator.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OperatorCheck {
    /// What it is called in snapshots.
    pub uid: String,
    /// What becomes of its state.
    pub outcome: Outcome,
}

/// What becomes of an operator's state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It is restored.
    Restored {
        /// What there is of it, in words.
        held: String,
        /// How many subtasks the operator had.
        before: usize,
        /// How many it has.
        now: usize,
    },
    /// The snapshot has none.
    Nothing,
    /// It is of an operator that the job does not have.
    NotInJob {
        /// Whether the job was told to drop it.
        dropped: bool,
    },
    /// The operator has another number of key groups, which cannot change.
    Regrouped {
        /// How many it had.
        before: usize,
        /// How many it has.
        now: usize,
    },
    /// It does not fit the operator's types: where, and why.
    Incompatible(Vec<String>),
}

/// How far a source has read.
#[derive(Debug, Clone)]
pub(super) struct Positions {
    pub(super) source: String,
    pub(super) splits: usize,
    /// Of the first splits.
    pub(super) first: Vec<String>,
}

/// What a sink has prepared.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) sink: String,
    pub(super) count: usize,
    pub(super) is_committed: bool,
}

impl Outcome {
    /// Whether the job can go on all the same.
    pub fn is_good(&self) -> bool {
        match self {
            Self::Restored { .. } | Self::Nothing | Self::NotInJob { dropped: true } => true,
            Self::NotInJob { dropped: false } | Self::Regrouped { .. } | Self::Incompatible(_) => false,
        }
    }
}

impl RestoreCheck {
    /// Whether the job can go on from the snapshot, as far as a sample tells.
    pub fn can_go_on(&self) -> bool {
        self.operators.iter().all(|operator| operator.outcome.is_good())
    }
}

impl fmt::Display for RestoreCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.operators.iter().try_for_each(|operator| operator.fmt(f))?;
        if !self.positions.is_empty() {
            writeln!(f, "source positions:")?;
            self.positions.iter().try_for_each(|positions| positions.fmt(f))?;
        }
        if !self.pending.is_empty() {
            writeln!(f, "pending output:")?;
            self.pending.iter().try_for_each(|pending| pending.fmt(f))?;
        }
        let wrong: Vec<_> = self.operators.iter().filter(|operator| !operator.outcome.is_good()).collect();
        if wrong.is_empty() {
            return writeln!(f, "the job can go on from {}", self.snapshot);
        }
        let uids: Vec<_> = wrong.iter().map(|operator| format!("`{}`", operator.uid)).collect();
        write!(f, "the job cannot go on from {}: see {}", self.snapshot, uids.join(", "))?;
        if wrong.iter().any(|operator| matches!(operator.outcome, Outcome::Incompatible(_))) {
            write!(f, " ({ADVICE})")?;
        }
        writeln!(f)
    }
}

impl fmt::Display for OperatorCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uid = &self.uid;
        match &self.outcome {
            Outcome::Restored { held, before, now } if before == now => {
                writeln!(f, "{uid}: restored ({held}, parallelism {now})")
            }
            Outcome::Restored { held, before, now } => {
                writeln!(f, "{uid}: restored ({held}, parallelism {before} -> {now})")
            }
            Outcome::Nothing => writeln!(f, "{uid}: nothing to restore"),
            Outcome::NotInJob { dropped: true } => writeln!(f, "{uid}: in the snapshot, not in the job: dropped"),
            Outcome::NotInJob { dropped: false } => {
                writeln!(f, "{uid}: in the snapshot, not in the job (drop it with --allow-non-restored-state)")
            }
            Outcome::Regrouped { before, now } => {
                writeln!(f, "{uid}: max parallelism {before} -> {now}, which cannot change: set it to {before}")
            }
            Outcome::Incompatible(objections) => {
                objections.iter().try_for_each(|objection| writeln!(f, "{uid}: incompatible: {objection}"))
            }
        }
    }
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, splits, first } = self;
        first.iter().try_for_each(|position| writeln!(f, "  {source}: {position}"))?;
        match splits.saturating_sub(first.len()) {
            0 => Ok(()),
            more => writeln!(f, "  {source}: and {more} more"),
        }
    }
}

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sink, count, is_committed } = self;
        let said = if *is_committed { "committed" } else { "to be committed when the job goes on" };
        writeln!(f, "  {sink}: {count}, {said}")
    }
}
