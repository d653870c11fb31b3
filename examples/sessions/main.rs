//! The sessions of each user of a site: from when to when, and how many pages were viewed.
//!
//! ```text
//! cargo run --release --example sessions -- --input examples/data/page-views.csv --output sessions --gap 30m
//! ```
//!
//! A session ends once its user has viewed no page for `--gap`. Views come in the order in which they were logged, which is
//! not quite that of their times: the watermark trails the latest view by `--out-of-orderness`. A view that comes later still
//! may join or extend a session that has not ended; what is left is written to `OUTPUT/late/`.

use std::path::PathBuf;

use millstream::prelude::*;
use millstream::time::rfc3339;
use millstream_connectors::file::{FileSink, FileSource};
use serde::{Deserialize, Serialize};

/// A line of the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct View {
    #[serde(with = "rfc3339")]
    at: Timestamp,
    user: String,
    page: String,
}

/// What a user did without a longer break.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct UserSession {
    user: String,
    /// When the first page was viewed.
    #[serde(with = "rfc3339")]
    start: Timestamp,
    /// When the last page was viewed.
    #[serde(with = "rfc3339")]
    end: Timestamp,
    events: u64,
}

#[derive(clap::Args)]
struct Args {
    /// A CSV file of page views.
    #[arg(long)]
    input: PathBuf,
    /// The directory to write to.
    #[arg(long)]
    output: PathBuf,
    /// How long a user must have viewed nothing for a session to end.
    #[arg(long, value_parser = millstream::cli::duration, default_value = "30m")]
    gap: Duration,
    /// How far behind the latest view another may come and still be on time.
    #[arg(long, value_parser = millstream::cli::duration, default_value = "5m")]
    out_of_orderness: Duration,
}

/// Views that come after their session has ended.
const LATE: OutputTag<View> = OutputTag::new("late");

/// Counts the views of each session.
#[derive(Debug, Clone)]
struct Sessions {
    gap: Duration,
}

#[operator(key = view.user, window = session(self.gap), late = LATE, name = "sessions")]
impl Aggregate for Sessions {
    type In = View;
    type Acc = u64;
    type Out = u64;

    fn add(&self, events: &mut u64, _view: View) {
        *events += 1;
    }

    /// A view between two sessions may make them one.
    fn merge(&self, events: &mut u64, other: u64) {
        *events += other;
    }

    fn result(&self, events: &u64) -> u64 {
        *events
    }

    fn emit(&self, user: &str, window: &WindowContext<'_>, events: u64, out: &mut Collector<UserSession>) {
        // The window ends when the session is known to be over.
        let end = window.end().saturating_sub(self.gap);
        out.emit(UserSession { user: user.to_owned(), start: window.start(), end, events });
    }
}

/// The sessions of each user of a site.
#[millstream::main]
fn sessions(env: &Environment, args: Args) -> Result<()> {
    let sessions = env
        .source(FileSource::csv::<View>(args.input).splittable())
        .uid("views")
        .watermarks(
            WatermarkStrategy::bounded_out_of_orderness(args.out_of_orderness).timestamps(|view: &View| view.at),
        )
        .uid("times")
        .apply(Sessions { gap: args.gap });
    sessions.side_output(LATE).sink(FileSink::json(args.output.join("late"))).name("late views").uid("late views");
    sessions.sink(FileSink::json(args.output)).name("written").uid("written");
    Ok(())
}
