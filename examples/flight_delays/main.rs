//! Delays of flights, per airport and hour of the scheduled departure.
//!
//! ```text
//! cargo run --release --example flight_delays -- \
//!     --input examples/data/flights-sample.csv --output delays --out-of-orderness 1h --allowed-lateness 2h
//! ```
//!
//! Flights come in the order in which they were reported, so their event time, the scheduled departure, is out of order.
//! The watermark trails the latest departure seen by `--out-of-orderness`. A window fires when the watermark passes its
//! end, and again, with a higher revision, for every flight that comes within `--allowed-lateness` after that. Flights that
//! are later still are written to `OUTPUT/late/`.

use std::path::PathBuf;

use millstream::connector::RateLimited;
use millstream::prelude::*;
use millstream::time::rfc3339;
use millstream::window::{Tumbling, WindowContext};
use millstream_connectors::file::{FileSink, FileSource};
use serde::{Deserialize, Serialize};

/// A flight as it stands in the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Flight {
    #[serde(with = "rfc3339")]
    reported: Timestamp,
    /// The event time.
    #[serde(with = "rfc3339")]
    scheduled: Timestamp,
    /// Minutes; negative is early.
    delay_min: i64,
    distance_mi: i64,
    origin: String,
    destination: String,
}

/// The delays of an airport's flights in one hour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct HourlyDelays {
    origin: String,
    #[serde(with = "rfc3339")]
    window_start: Timestamp,
    #[serde(with = "rfc3339")]
    window_end: Timestamp,
    flights: u64,
    mean_delay_min: f64,
    max_delay_min: i64,
    /// How often the window had fired before.
    revision: u32,
}

#[derive(clap::Args)]
struct Args {
    /// A CSV file of flights.
    #[arg(long)]
    input: PathBuf,
    /// The directory to write to.
    #[arg(long)]
    output: PathBuf,
    /// How far behind the latest departure a flight may come and still be on time.
    #[arg(long, value_parser = millstream::cli::duration, default_value = "1h")]
    out_of_orderness: Duration,
    /// How long a window is kept for late flights after it has fired.
    #[arg(long, value_parser = millstream::cli::duration, default_value = "0")]
    allowed_lateness: Duration,
    /// Read at most so many flights a second.
    #[arg(long, value_name = "N")]
    rate: Option<f64>,
}

/// What is kept of the flights of a window.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Delays {
    flights: u64,
    sum: i64,
    max: Option<i64>,
}

/// Adds flights up.
#[derive(Debug, Clone)]
struct SumDelays;

impl Aggregate for SumDelays {
    type In = Flight;
    type Acc = Delays;
    type Out = Delays;

    fn create(&self) -> Delays {
        Delays::default()
    }

    fn add(&self, delays: &mut Delays, flight: Flight) {
        self.merge(delays, Delays { flights: 1, sum: flight.delay_min, max: Some(flight.delay_min) });
    }

    fn merge(&self, delays: &mut Delays, other: Delays) {
        delays.flights += other.flights;
        delays.sum += other.sum;
        delays.max = delays.max.max(other.max);
    }

    fn result(&self, delays: &Delays) -> Delays {
        delays.clone()
    }
}

/// The result of a window.
fn summary(origin: &str, window: &WindowContext<'_>, delays: Delays) -> HourlyDelays {
    HourlyDelays {
        origin: origin.to_owned(),
        window_start: window.start(),
        window_end: window.end(),
        flights: delays.flights,
        mean_delay_min: delays.sum as f64 / delays.flights as f64,
        max_delay_min: delays.max.unwrap_or_default(),
        revision: window.revision(),
    }
}

/// Flights that come after their window was given up.
const LATE: OutputTag<Flight> = OutputTag::new("late");

/// Delays of flights, per airport and hour of the scheduled departure.
#[millstream::main]
fn flight_delays(env: &Environment, args: Args) -> Result<()> {
    let flights = RateLimited::up_to(FileSource::csv::<Flight>(args.input).splittable(), args.rate);
    let hourly = env
        .source(flights)
        .uid("flights")
        .watermarks(
            WatermarkStrategy::bounded_out_of_orderness(args.out_of_orderness)
                .timestamps(|flight: &Flight| flight.scheduled),
        )
        .uid("departures")
        .key_by(|flight| &flight.origin)
        .window(Tumbling::of(Duration::from_secs(60 * 60)))
        .allowed_lateness(args.allowed_lateness)
        .late_output(LATE)
        .aggregate_with(SumDelays, |origin, window, delays, out| out.emit(summary(origin, window, delays)))
        .uid("hourly delays");
    hourly.side_output(LATE).sink(FileSink::json(args.output.join("late"))).name("late flights").uid("late flights");
    hourly.sink(FileSink::json(args.output)).name("hourly delays").uid("delays");
    Ok(())
}
