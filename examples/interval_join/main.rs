//! Orders with the payments that came for them in time.
//!
//! ```text
//! cargo run --release --example interval_join -- \
//!     --orders examples/data/orders.csv --payments examples/data/payments.csv --output paid --within 30min
//! ```
//!
//! A payment belongs to an order if it has its number and comes within `--within` after it. Both files are out of order
//! by up to `--out-of-orderness`: an order is kept until the watermark, the lower of both files', says that no payment can
//! come any more. Payments that come later than that are written to `OUTPUT/late/`.

use std::path::PathBuf;

use millstream::join::Offset::After;
use millstream::prelude::*;
use millstream::time::rfc3339;
use millstream_connectors::file::{FileSink, FileSource};
use serde::{Deserialize, Serialize};

/// An order as it stands in the input.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Order {
    number: u64,
    /// The event time.
    #[serde(with = "rfc3339")]
    placed: Timestamp,
    customer: String,
    cents: u64,
}

/// A payment as it stands in the input.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Payment {
    order: u64,
    /// The event time.
    #[serde(with = "rfc3339")]
    received: Timestamp,
    cents: u64,
}

/// An order and a payment for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Paid {
    order: u64,
    customer: String,
    ordered_cents: u64,
    paid_cents: u64,
    after_seconds: u64,
}

#[derive(clap::Args)]
struct Args {
    /// A CSV file of orders.
    #[arg(long)]
    orders: PathBuf,
    /// A CSV file of payments.
    #[arg(long)]
    payments: PathBuf,
    /// The directory to write to.
    #[arg(long)]
    output: PathBuf,
    /// How long after the order a payment may come.
    #[arg(long, value_parser = millstream::cli::duration, default_value = "1h")]
    within: Duration,
    /// How far behind the latest of its file an order or a payment may come and still be on time.
    #[arg(long, value_parser = millstream::cli::duration, default_value = "10min")]
    out_of_orderness: Duration,
}

/// The result of a pair.
fn paid(order: &Order, payment: &Payment) -> Paid {
    Paid {
        order: order.number,
        customer: order.customer.clone(),
        ordered_cents: order.cents,
        paid_cents: payment.cents,
        after_seconds: payment.received.since(order.placed).as_secs(),
    }
}

/// Payments that come after their order was given up.
const LATE: OutputTag<Payment> = OutputTag::new("late");

/// Orders with the payments that came for them in time.
#[millstream::main]
fn interval_join(env: &Environment, args: Args) -> Result<()> {
    let orders = env
        .source(FileSource::csv::<Order>(args.orders))
        .uid("orders")
        .watermarks(
            WatermarkStrategy::bounded_out_of_orderness(args.out_of_orderness).timestamps(|order: &Order| order.placed),
        )
        .uid("placed")
        .key_by(|order| &order.number);
    let payments = env
        .source(FileSource::csv::<Payment>(args.payments))
        .uid("payments")
        .watermarks(
            WatermarkStrategy::bounded_out_of_orderness(args.out_of_orderness)
                .timestamps(|payment: &Payment| payment.received),
        )
        .uid("received")
        .key_by(|payment| &payment.order);
    let in_time = orders
        .interval_join(payments)
        .between(After(Duration::ZERO), After(args.within))
        .right_late_output(LATE)
        .apply(paid)
        .uid("paid in time");
    in_time.side_output(LATE).sink(FileSink::json(args.output.join("late"))).name("late payments").uid("late payments");
    in_time.sink(FileSink::json(args.output)).name("paid orders").uid("paid orders");
    Ok(())
}
