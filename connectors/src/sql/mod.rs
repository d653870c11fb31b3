//! PostgreSQL: a sink that inserts, upserts or is exactly-once, a bounded source of a table's rows, and lookups that enrich
//! a stream.
//!
//! Records and rows meet in JSON, which PostgreSQL converts by the types of the table's columns: so a field may be
//! whatever the column's type can be written as. Times are text as in ISO 8601, `bytea` is text as `\x00ff`, and
//! `jsonb` is any value. A float that is not finite has no JSON: it is written as NULL.
//!
//! What can pass (a server that restarts, a deadlock) is tried again, for as long as [`PgServer::retry_for`] says; what
//! cannot (a wrong password, a missing table) is an error at once.

mod catalog;
mod client;
mod error;
mod lookup;
mod server;
mod sink;
mod source;
mod table;

pub use lookup::PgLookup;
pub use server::PgServer;
pub use sink::{PgCommitter, PgRows, PgSink, PgWriter};
pub use source::{PgEnumerator, PgEnumeratorState, PgReader, PgSource, PgSplit};
