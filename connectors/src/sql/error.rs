//! What PostgreSQL says, and what to do about it.

use std::io;

use millstream::connector::{SinkError, SourceError};
use sqlx::postgres::PgDatabaseError;

/// Something that could not be done, with what is known of why.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {reason}")]
pub(super) struct PgError {
    /// What was being done, with the server and the table.
    pub(super) what: String,
    pub(super) reason: String,
    pub(super) kind: Kind,
}

/// What can be done about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It may pass by itself.
    Transient,
    /// Rows are not what the table takes.
    Data,
    /// Somebody has to change something.
    Fatal,
}

impl PgError {
    pub(super) fn new(what: impl Into<String>, error: &sqlx::Error) -> Self {
        Self { what: what.into(), reason: reason(error), kind: Kind::of(error) }
    }

    pub(super) fn fatal(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { what: what.into(), reason: reason.into(), kind: Kind::Fatal }
    }
}

impl Kind {
    pub(super) fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => Self::of_state(error.code().as_deref().unwrap_or_default()),
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => Self::Transient,
            // A server that dies in the midst of an answer.
            sqlx::Error::Protocol(_) => Self::Transient,
            _ => Self::Fatal,
        }
    }

    /// By SQLSTATE: the first two characters are the class.
    fn of_state(code: &str) -> Self {
        match (code.get(..2).unwrap_or_default(), code) {
            // Connection exceptions; too many connections; the server shuts down or starts.
            ("08", _) | (_, "53300" | "57P01" | "57P02" | "57P03") => Self::Transient,
            // Serialization failure and deadlock, a lock that was not to be had.
            (_, "40001" | "40P01" | "55P03") => Self::Transient,
            // Data exceptions, and violated constraints.
            ("22" | "23", _) => Self::Data,
            _ => Self::Fatal,
        }
    }
}

/// What the server says, with its detail, and what to do.
fn reason(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(database) => {
            let mut reason = database.message().to_owned();
            let postgres = database.try_downcast_ref::<PgDatabaseError>();
            if let Some(detail) = postgres.and_then(PgDatabaseError::detail) {
                reason = format!("{reason} ({detail})");
            }
            match advice(database.code().as_deref().unwrap_or_default()) {
                Some(advice) => format!("{reason}: {advice}"),
                None => reason,
            }
        }
        sqlx::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            format!("{error}: is the server running, and the port right?")
        }
        sqlx::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

fn advice(code: &str) -> Option<&'static str> {
    Some(match code {
        "28P01" | "28000" => "check user and password",
        "3D000" => "create the database, or check the URL",
        "3F000" | "42P01" => "create it, or check the name (case counts)",
        "42703" => "add the column, or rename the field",
        "42501" => "grant the user what it needs",
        "42P10" => "an upsert needs a unique index over exactly its key columns",
        _ => return None,
    })
}

impl From<PgError> for SinkError {
    fn from(PgError { what, reason, kind }: PgError) -> Self {
        match kind {
            Kind::Transient => Self::Io { what, error: io::Error::other(reason) },
            Kind::Data | Kind::Fatal => Self::Invalid(format!("{what}: {reason}")),
        }
    }
}

impl From<PgError> for SourceError {
    fn from(PgError { what, reason, kind }: PgError) -> Self {
        match kind {
            Kind::Transient => Self::Io { what, error: io::Error::other(reason) },
            Kind::Data | Kind::Fatal => Self::Invalid(format!("{what}: {reason}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_tells_what_may_pass_and_whose_fault_it_is() {
        for (code, kind) in [
            ("08006", Kind::Transient),
            ("57P03", Kind::Transient),
            ("40P01", Kind::Transient),
            ("22P02", Kind::Data),
            ("23505", Kind::Data),
            ("28P01", Kind::Fatal),
            ("42P01", Kind::Fatal),
            ("", Kind::Fatal),
        ] {
            assert_eq!(Kind::of_state(code), kind, "{code}");
        }
    }
}
