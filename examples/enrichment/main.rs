//! Orders with the profiles of their users, which a service is asked for over HTTP.
//!
//! ```text
//! cargo run --release --example enrichment -- --input examples/data/orders.jsonl --output enriched
//! ```
//!
//! Requests overlap, up to `--in-flight` of each subtask. One that fails is repeated after a growing delay; an order whose user's
//! profile is not there within `--timeout` goes on without. If no `--lookup-url` is given, the example starts a service of its
//! own, which is busy now and then.

mod directory;
mod stub;

use std::path::PathBuf;
use std::sync::Arc;

use millstream::operator::AsyncContext;
use millstream::prelude::*;
use millstream_connectors::file::{FileSink, FileSource};
use serde::{Deserialize, Serialize};

use self::directory::{Directory, Profile, is_temporary};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Order {
    order: u64,
    user: u64,
    cents: u64,
}

/// An order with what is known of who gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Enriched {
    #[serde(flatten)]
    order: Order,
    profile: Option<Profile>,
}

#[derive(clap::Args)]
struct Args {
    /// JSON lines of orders.
    #[arg(long)]
    input: PathBuf,
    /// The directory to write to.
    #[arg(long)]
    output: PathBuf,
    /// Where the service is, such as http://127.0.0.1:8080 [default: one that the example starts]
    #[arg(long)]
    lookup_url: Option<String>,
    /// How many requests of each subtask may be under way.
    #[arg(long, default_value_t = 50)]
    in_flight: usize,
    /// How often a request is repeated.
    #[arg(long, default_value_t = 3)]
    retries: u32,
    /// How long an order waits for its profile.
    #[arg(long, value_parser = millstream::cli::duration, default_value = "2 s")]
    timeout: Duration,
}

/// Adds the profile of an order's user.
#[operator(
    capacity = in_flight,
    timeout = timeout,
    timed_out = |order| Enriched { order, profile: None },
    retry = exponential_backoff(retries, "20 ms", "500 ms").if_error(is_temporary)
)]
async fn enrich(
    order: Order,
    #[param] directory: &Arc<Directory>,
    #[param] in_flight: usize,
    #[param] retries: u32,
    #[param] timeout: Duration,
    ctx: &AsyncContext,
) -> Result<Enriched> {
    let _ = (in_flight, retries, timeout);
    ctx.metrics().meter("lookups").mark(1);
    let profile = directory.profile(order.user).await?;
    Ok(Enriched { order, profile })
}

/// Orders with the profiles of their users, which a service is asked for over HTTP.
#[millstream::main]
fn enrichment(env: &Environment, args: Args) -> Result<()> {
    let directory = args.lookup_url.map_or(Ok(Directory::of_our_own()), |url| Directory::at(&url))?;
    env.source(FileSource::json_lines::<Order>(args.input))
        .uid("orders")
        .apply(enrich(Arc::new(directory), args.in_flight, args.retries, args.timeout))
        .sink(FileSink::json(args.output))
        .name("enriched")
        .uid("enriched");
    Ok(())
}
