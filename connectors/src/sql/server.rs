//! Which server to talk to, and how long to try.

use std::fmt;
use std::time::Duration;

use millstream::Result;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::retry::pauses;

/// A database on a PostgreSQL server.
///
/// Building one does no I/O but for a password file that PostgreSQL's own tools would read, too.
///
/// ```
/// use std::time::Duration;
/// use millstream_connectors::sql::PgServer;
///
/// let server = PgServer::new("postgres://me:secret@localhost/shop")?.retry_for(Duration::from_secs(60));
/// assert_eq!(server.to_string(), "me@localhost:5432/shop");
/// # anyhow::Ok(())
/// ```
#[derive(Clone)]
pub struct PgServer {
    options: PgConnectOptions,
    pub(super) timeout: Duration,
    pub(super) retry_for: Duration,
}

impl PgServer {
    /// How long connecting, or one statement, may take, unless the server is told otherwise.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
    /// How long something is tried again that may pass, unless the server is told otherwise.
    pub const DEFAULT_RETRY: Duration = Duration::from_secs(30);

    /// The database at a URL, `postgres://user:password@host:port/database`. With `?sslmode=require` (or `verify-full`),
    /// the connection is encrypted.
    pub fn new(url: &str) -> Result<Self> {
        let options = url.parse::<PgConnectOptions>();
        // The error does not say what the URL was: it may hold a password.
        let options = options.map_err(|error| anyhow::anyhow!("no URL of a PostgreSQL database: {error}"))?;
        let options = options.application_name("millstream");
        Ok(Self { options, timeout: Self::DEFAULT_TIMEOUT, retry_for: Self::DEFAULT_RETRY })
    }

    /// The password, if it is not to stand in the URL.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.options = self.options.password(password);
        self
    }

    /// Encrypts the connection, or fails.
    #[must_use]
    pub fn require_tls(mut self) -> Self {
        self.options = self.options.ssl_mode(PgSslMode::Require);
        self
    }

    /// How long connecting, or one statement, may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long something is tried again that may pass: a server that cannot be reached, a deadlock. Zero is not at all.
    #[must_use]
    pub fn retry_for(mut self, time: Duration) -> Self {
        self.retry_for = time;
        self
    }

    pub(super) fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// The pauses between tries.
    pub(super) fn pauses(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        pauses(self.retry_for)
    }
}

/// Without the password.
impl fmt::Display for PgServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.options;
        let database = options.get_database().unwrap_or_else(|| options.get_username());
        write!(f, "{}@{}:{}/{database}", options.get_username(), options.get_host(), options.get_port())
    }
}

impl fmt::Debug for PgServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PgServer({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_ever_shown() {
        let server = PgServer::new("postgres://me:geheim@host/x").unwrap();
        assert!(!format!("{server} {server:?}").contains("geheim"));
        let error = PgServer::new("postgres://me:geheim@host:port/x").unwrap_err().to_string();
        assert!(error.starts_with("no URL") && !error.contains("geheim"), "{error}");
    }
}
