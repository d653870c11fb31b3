//! One connection, used by one thread that may wait, and made anew when it breaks.

use std::io;
use std::panic::resume_unwind;

use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions, Connection};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::{sleep, timeout};

use super::PgServer;
use super::error::{Kind, PgError};

/// Talks to a server.
pub(super) struct Client {
    server: PgServer,
    /// Polls what the connection does; nothing runs between two calls. There until the client goes.
    runtime: Option<Runtime>,
    connection: Option<PgConnection>,
}

impl Client {
    /// A client that is connected.
    pub(super) fn connect(server: PgServer) -> Result<Self, PgError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| PgError::fatal(format!("{server}"), error.to_string()))?;
        let mut client = Self { server, runtime: Some(runtime), connection: None };
        client.run("connecting", async |_| Ok(()))?;
        Ok(client)
    }

    pub(super) fn server(&self) -> &PgServer {
        &self.server
    }

    /// Does something, on a new connection if the last one broke; again if it fails for a reason that may pass. So it must
    /// be something that may be done twice.
    pub(super) fn run<R: Send>(
        &mut self,
        what: &str,
        mut action: impl AsyncFnMut(&mut PgConnection) -> Result<R, sqlx::Error> + Send,
    ) -> Result<R, PgError> {
        let Self { server, runtime, connection } = self;
        let Some(runtime) = runtime else { unreachable!("invariant: the runtime goes with the client") };
        let mut run = || runtime.block_on(retrying(server, connection, what, &mut action));
        if Handle::try_current().is_err() {
            return run();
        }
        // The thread belongs to another runtime, which does not allow for a second one.
        std::thread::scope(|scope| scope.spawn(run).join().unwrap_or_else(|panic| resume_unwind(panic)))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Else it would wait, which not every thread may.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn retrying<R>(
    server: &PgServer,
    connection: &mut Option<PgConnection>,
    what: &str,
    action: &mut impl AsyncFnMut(&mut PgConnection) -> Result<R, sqlx::Error>,
) -> Result<R, PgError> {
    let mut pauses = server.pauses();
    loop {
        let error = match attempt(server, connection, action).await {
            Ok(result) => return Ok(result),
            Err(error) => PgError::new(format!("{what} ({server})"), &error),
        };
        let pause = if error.kind == Kind::Transient { pauses.next() } else { None };
        let Some(pause) = pause else { return Err(error) };
        tracing::debug!(%error, ?pause, "trying again");
        sleep(pause).await;
    }
}

async fn attempt<R>(
    server: &PgServer,
    slot: &mut Option<PgConnection>,
    action: &mut impl AsyncFnMut(&mut PgConnection) -> Result<R, sqlx::Error>,
) -> Result<R, sqlx::Error> {
    // Taken out: a connection that fails within a statement, or is given up, is not used again.
    let mut connection = match slot.take() {
        Some(connection) => connection,
        None => connect(server).await?,
    };
    let done = timeout(server.timeout, action(&mut connection)).await.unwrap_or_else(|_| Err(too_slow(server)));
    // An error that the server has told has left the connection as it was, but for a transaction, which it is asked about.
    let is_usable = match &done {
        Ok(_) => true,
        Err(sqlx::Error::Database(_)) => matches!(timeout(server.timeout, connection.ping()).await, Ok(Ok(()))),
        Err(_) => false,
    };
    if is_usable {
        *slot = Some(connection);
    }
    done
}

/// A new connection.
pub(super) async fn connect(server: &PgServer) -> Result<PgConnection, sqlx::Error> {
    timeout(server.timeout, server.options().connect()).await.unwrap_or_else(|_| Err(too_slow(server)))
}

fn too_slow(server: &PgServer) -> sqlx::Error {
    let reason = format!("no answer within {:?}: allow more by `PgServer::timeout`", server.timeout);
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, reason))
}
